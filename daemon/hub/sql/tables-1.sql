-- Version 1 of the store's tables (docs/slad-hub.md). Whoever runs `slad hub init` owns them; all others go through functions.

CREATE SCHEMA slad;

-- The last arrival number. Its row is locked until the transaction that takes numbers ends: so numbers become visible in their
-- order, and who reads on from one passes over none.
CREATE TABLE slad.store (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    version integer NOT NULL,
    arrival bigint NOT NULL DEFAULT 0,
    arrived_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

INSERT INTO slad.store (version) VALUES (0);

-- The ledgers, by the name of the observer; `role` alone may append. The head is that of the chain as computed here.
-- `instance` is the process that spoke last, `superseded` the one before it: one that speaks again is not alone (`shared_at`).
CREATE TABLE slad.ledger (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    role text NOT NULL UNIQUE,
    seq bigint NOT NULL DEFAULT 0,
    chain bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    shipped_at timestamptz,
    instance text,
    superseded text,
    shared_at timestamptz
) WITH (fillfactor = 50);

-- How far each witness of a ledger has seen, in microseconds since 1970, UTC.
CREATE TABLE slad.watermark (
    ledger integer NOT NULL REFERENCES slad.ledger,
    observer text NOT NULL,
    source text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (ledger, observer, source)
) WITH (fillfactor = 50);

-- Whose a server is; no client where its records named several.
CREATE TABLE slad.server (
    id text PRIMARY KEY,
    client text
);

-- The lines of all ledgers, a partition a month of arrival. `bucket` is that of the client whose line it is (`slad.bucket_of`), and
-- -1 where it is for all. Columns of fixed length come first: they are not padded so.
CREATE TABLE slad.line (
    arrival bigint NOT NULL,
    seq bigint NOT NULL,
    arrived_at timestamptz NOT NULL,
    ledger integer NOT NULL,
    bucket smallint NOT NULL,
    chain bytea NOT NULL,
    body text NOT NULL
) PARTITION BY RANGE (arrived_at);

CREATE INDEX line_by_arrival ON slad.line (arrival);
CREATE INDEX line_of_ledger ON slad.line (ledger, seq);
CREATE INDEX line_of_bucket ON slad.line (bucket, arrival);
