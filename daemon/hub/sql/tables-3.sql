-- Version 3: shards of the hub. Where the lines of a server are from before it had another client, null where that is not known; the
-- functions of hubs take buckets.

ALTER TABLE slad.server ADD COLUMN bucket smallint;
UPDATE slad.server SET bucket = get_byte(sha256(convert_to(client, 'UTF8')), 0) WHERE client IS NOT NULL;
DROP FUNCTION IF EXISTS slad.slad_hub_append(bigint, text[], bytea, text, text);
DROP FUNCTION IF EXISTS slad.slad_hub_active();
DROP FUNCTION IF EXISTS slad.hub_lock();
