-- Version 3: the bytes of issued statements, by their SHA-256, and which records issue them. A record may have none: what was
-- imported, or was issued before there was this table and is not shipped again yet.
--
-- And shards of the hub: where the lines of a server are from before it had another client, null where that is not known.

CREATE TABLE slad.issued (
    ledger integer NOT NULL REFERENCES slad.ledger,
    seq bigint NOT NULL,
    sha256 bytea NOT NULL,
    PRIMARY KEY (ledger, seq)
);

CREATE INDEX issued_by_sha256 ON slad.issued (sha256);

CREATE TABLE slad.document (
    sha256 bytea PRIMARY KEY,
    content bytea NOT NULL,
    CONSTRAINT is_whole CHECK (sha256(content) = sha256),
    CONSTRAINT is_bounded CHECK (length(content) <= 64 * 1024 * 1024)
);

INSERT INTO slad.issued
    SELECT l.ledger, l.seq, decode(substring(l.body FROM '"sha256":"([0-9a-f]{64})"'), 'hex')
    FROM slad.line l WHERE l.body LIKE '{"kind":"issued",%' AND l.body ~ '"sha256":"[0-9a-f]{64}"';

ALTER TABLE slad.server ADD COLUMN bucket smallint;
UPDATE slad.server SET bucket = get_byte(sha256(convert_to(client, 'UTF8')), 0) WHERE client IS NOT NULL;

-- They take documents and buckets now, and two of one name would be.
DROP FUNCTION IF EXISTS slad.slad_append(text, bigint, text[], bytea);
DROP FUNCTION IF EXISTS slad.slad_hub_append(bigint, text[], bytea, text, text);
DROP FUNCTION IF EXISTS slad.slad_hub_active();
DROP FUNCTION IF EXISTS slad.hub_lock();
