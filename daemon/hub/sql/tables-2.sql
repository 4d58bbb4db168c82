-- Version 2: what a request is known again by that is sent once more, beside the hub's records, by the arrival of their first.

CREATE TABLE slad.request (
    arrival bigint PRIMARY KEY,
    key text NOT NULL,
    digest text NOT NULL
);
