-- The functions of the store, made anew by each `slad hub init`. Those of SECURITY DEFINER are the only way in for monitors: each
-- asks first whether the ledger is that of the session's role. Every name is written in full, so that no search path matters.

CREATE OR REPLACE FUNCTION slad.slad_version() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT version FROM slad.store';

-- The ledger of an observer. Raises insufficient_privilege unless it is the session's own, whether or not it exists.
CREATE OR REPLACE FUNCTION slad.own_ledger(observer text) RETURNS slad.ledger
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger;
BEGIN
    SELECT * INTO own FROM slad.ledger WHERE name = observer AND role = session_user;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('the role %I is not that of the observer %L', session_user, observer);
    END IF;
    RETURN own;
END
$$;

-- A process of the monitor speaks: whether two of them do, by turns, within the last ten minutes.
CREATE OR REPLACE FUNCTION slad.is_shared(own slad.ledger, speaker text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF speaker IS DISTINCT FROM own.instance THEN
        UPDATE slad.ledger
        SET instance = speaker, superseded = own.instance,
            shared_at = CASE WHEN speaker = own.superseded THEN clock_timestamp() ELSE shared_at END
        WHERE number = own.number RETURNING * INTO own;
    END IF;
    RETURN coalesce(own.shared_at > clock_timestamp() - interval '10 minutes', false);
END
$$;

-- The head of one's own ledger.
CREATE OR REPLACE FUNCTION slad.slad_head(observer text, instance text)
RETURNS TABLE (seq bigint, chain bytea, shared boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger := slad.own_ledger(observer);
BEGIN
    RETURN QUERY SELECT own.seq, own.chain, slad.is_shared(own, instance);
END
$$;

-- The chain value of a line of one's own ledger; null where there is none.
CREATE OR REPLACE FUNCTION slad.slad_chain(observer text, seq bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger := slad.own_ledger(observer);
BEGIN
    RETURN (SELECT l.chain FROM slad.line l WHERE l.ledger = own.number AND l.seq = slad_chain.seq);
END
$$;

-- Lines of one's own ledger that follow one, for restoring it.
CREATE OR REPLACE FUNCTION slad.slad_lines(observer text, after_seq bigint, most integer)
RETURNS TABLE (seq bigint, body text, chain bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger := slad.own_ledger(observer);
BEGIN
    RETURN QUERY
        SELECT l.seq, l.body, l.chain FROM slad.line l
        WHERE l.ledger = own.number AND l.seq > after_seq ORDER BY l.seq LIMIT most;
END
$$;

-- How far the witnesses of one's own ledger have seen.
CREATE OR REPLACE FUNCTION slad.slad_own_watermarks(observer text)
RETURNS TABLE (witness_observer text, witness_source text, at bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger := slad.own_ledger(slad_own_watermarks.observer);
BEGIN
    RETURN QUERY SELECT w.observer, w.source, w.at FROM slad.watermark w WHERE w.ledger = own.number;
END
$$;

-- The records of one's own ledger that issue a statement of which the bytes are not here, by number.
CREATE OR REPLACE FUNCTION slad.slad_bare(observer text) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger := slad.own_ledger(observer);
BEGIN
    RETURN QUERY
        SELECT i.seq FROM slad.issued i WHERE i.ledger = own.number
        AND NOT EXISTS (SELECT FROM slad.document d WHERE d.sha256 = i.sha256) ORDER BY i.seq;
END
$$;

-- The bytes of a statement that one's own ledger issues, by their SHA-256; null where they are not here.
CREATE OR REPLACE FUNCTION slad.slad_document(observer text, sha256 bytea) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own slad.ledger := slad.own_ledger(observer);
BEGIN
    RETURN (SELECT d.content FROM slad.document d WHERE d.sha256 = slad_document.sha256 AND EXISTS (
        SELECT FROM slad.issued i WHERE i.ledger = own.number AND i.sha256 = d.sha256));
END
$$;

-- The bucket of a client, 0 to 255: a shard of the hub takes some of them.
CREATE OR REPLACE FUNCTION slad.bucket_of(client text) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN get_byte(sha256(convert_to(client, 'UTF8')), 0)::smallint;

-- A line as JSON that PostgreSQL reads. It has no character for U+0000 and for halves of surrogate pairs: their escapes are left out.
CREATE OR REPLACE FUNCTION slad.readable(body text) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos(body, '\u') = 0 THEN body
    ELSE regexp_replace(body, '(\\[^u]|\\u(?!0000|[dD][89a-fA-F])....)|\\u....', '\1', 'g') END::json;

-- The partitions for an instant and for the month after it. A table that is attached waits for no reader, one that is made as a
-- partition would.
CREATE OR REPLACE FUNCTION slad.make_partitions(around timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first timestamp;
    name text;
BEGIN
    FOR ahead IN 0..1 LOOP
        first := date_trunc('month', around AT TIME ZONE 'UTC') + ahead * interval '1 month';
        name := 'line_' || to_char(first, 'YYYY_MM');
        CONTINUE WHEN to_regclass(format('slad.%I', name)) IS NOT NULL;
        EXECUTE format('CREATE TABLE slad.%I (LIKE slad.line INCLUDING STORAGE)', name);
        EXECUTE format(
            'ALTER TABLE slad.line ATTACH PARTITION slad.%I FOR VALUES FROM (%L) TO (%L)',
            name, first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
END
$$;

-- Append lines to one's own ledger, `first_seq` the number of the first, `head` the chain value that the monitor has after the last.
-- The chain is computed here from what the store holds. Outcomes: `appended`, also where all of it was there; `gap`: the line before
-- the first is not there; `diverged`: the store's lines are not those of the monitor's ledger. Then nothing is changed.
-- The head that the store has afterwards comes with each. `documents`: the bytes of statements that lines of the ledger issue.
CREATE OR REPLACE FUNCTION slad.slad_append(
    observer text, first_seq bigint, bodies text[], head bytea, documents bytea[] DEFAULT '{}'
)
RETURNS TABLE (outcome text, seq bigint, chain bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    own slad.ledger := slad.own_ledger(observer);
    value bytea;
    chains bytea[] := '{}';
    body text;
    known integer;
    from_arrival bigint;
    now_at timestamptz;
BEGIN
    SELECT * INTO own FROM slad.ledger l WHERE l.number = own.number FOR UPDATE;
    IF (first_seq >= 1 AND array_ndims(bodies) = 1 AND array_lower(bodies, 1) = 1
        AND array_position(bodies, NULL) IS NULL) IS NOT TRUE THEN
        RAISE invalid_parameter_value USING MESSAGE = 'lines are numbered from 1, and are a list with some in it';
    END IF;
    IF first_seq > own.seq + 1 THEN
        RETURN QUERY SELECT 'gap', own.seq, own.chain;
        RETURN;
    END IF;

    value := CASE first_seq
        WHEN 1 THEN decode(repeat('00', 32), 'hex')
        WHEN own.seq + 1 THEN own.chain
        ELSE (SELECT l.chain FROM slad.line l WHERE l.ledger = own.number AND l.seq = first_seq - 1)
    END;
    FOREACH body IN ARRAY bodies LOOP
        value := sha256(value || sha256(convert_to(body, 'UTF8')));
        chains := chains || value;
    END LOOP;
    known := least(own.seq - first_seq + 1, cardinality(bodies));
    IF value IS DISTINCT FROM head OR (known > 0 AND chains[known] IS DISTINCT FROM (
        SELECT l.chain FROM slad.line l WHERE l.ledger = own.number AND l.seq = first_seq + known - 1
    )) THEN
        RETURN QUERY SELECT 'diverged', own.seq, own.chain;
        RETURN;
    END IF;

    -- What is acknowledged outlives PostgreSQL.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF known < cardinality(bodies) THEN
        UPDATE slad.store
        SET arrival = arrival + cardinality(bodies) - known, arrived_at = greatest(arrived_at, clock_timestamp())
        RETURNING arrival - cardinality(bodies) + known, arrived_at INTO from_arrival, now_at;
        PERFORM slad.make_partitions(now_at);
        PERFORM slad.take(own, first_seq + known, bodies[known + 1:], chains[known + 1:], from_arrival, now_at);
        UPDATE slad.ledger
        SET seq = first_seq + cardinality(bodies) - 1, chain = head, shipped_at = now_at
        WHERE number = own.number RETURNING * INTO own;
        PERFORM pg_notify('slad', (from_arrival + cardinality(bodies) - known)::text);
    END IF;
    PERFORM slad.keep_documents(own, documents);
    RETURN QUERY SELECT 'appended', own.seq, own.chain;
END
$$;

-- Store new lines, and learn from them whose servers are. A monitor speaks for itself; the hub's ledger tells of monitors.
CREATE OR REPLACE FUNCTION slad.take(
    own slad.ledger, first_seq bigint, bodies text[], chains bytea[], from_arrival bigint, now_at timestamptz
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds text[];
    clients text[];
    servers text[];
    other text;
BEGIN
    SELECT array_agg(j.kind ORDER BY b.place),
        array_agg(CASE j.kind WHEN 'client' THEN j.id ELSE j.client END ORDER BY b.place),
        array_agg(CASE j.kind WHEN 'server' THEN j.id ELSE j.server END ORDER BY b.place),
        min(j.observer) FILTER (WHERE own.name <> 'hub'
            AND j.observer IN (SELECT l.name FROM slad.ledger l WHERE l.number <> own.number))
    INTO kinds, clients, servers, other
    FROM unnest(bodies) WITH ORDINALITY AS b (body, place)
    CROSS JOIN LATERAL json_to_record(slad.readable(b.body))
        AS j (kind text, id text, client text, server text, observer text);
    IF other IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('a line of %L speaks for %L, which is another monitor', own.name, other);
    END IF;

    INSERT INTO slad.server AS s (id, client, bucket)
        SELECT t.server, CASE WHEN count(DISTINCT t.client) = 1 THEN min(t.client) END,
            CASE WHEN count(DISTINCT t.client) = 1 THEN slad.bucket_of(min(t.client)) ELSE -1 END
        FROM unnest(kinds, servers, clients) AS t (kind, server, client)
        WHERE t.kind = 'server' AND length(t.server) <= 512 GROUP BY t.server
        ON CONFLICT (id) DO UPDATE SET client = NULL WHERE s.client IS DISTINCT FROM excluded.client AND s.client IS NOT NULL;

    INSERT INTO slad.line (arrival, seq, arrived_at, ledger, bucket, chain, body)
        SELECT from_arrival + b.place, first_seq + b.place - 1, now_at, own.number,
            coalesce(slad.bucket_of(CASE WHEN b.server IS NULL THEN b.client ELSE s.client END), -1), b.chain, b.body
        FROM unnest(bodies, chains, servers, clients) WITH ORDINALITY AS b (body, chain, server, client, place)
        LEFT JOIN slad.server s ON s.id = b.server
        ORDER BY b.place;

    IF 'issued' = ANY (kinds) THEN
        INSERT INTO slad.issued
            SELECT own.number, first_seq + b.place - 1, decode(j.sha256, 'hex')
            FROM unnest(kinds, bodies) WITH ORDINALITY AS b (kind, body, place)
            CROSS JOIN LATERAL json_to_record(slad.readable(b.body)) AS j (sha256 text)
            WHERE b.kind = 'issued' AND j.sha256 ~ '^[0-9a-f]{64}$';
    END IF;
END
$$;

-- Keep the bytes of statements, each of which a line of the ledger issues.
CREATE OR REPLACE FUNCTION slad.keep_documents(own slad.ledger, documents bytea[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    content bytea;
BEGIN
    FOREACH content IN ARRAY documents LOOP
        IF NOT EXISTS (SELECT FROM slad.issued i WHERE i.ledger = own.number AND i.sha256 = sha256(content)) THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('no line of %L issues the statement of SHA-256 %s', own.name, encode(sha256(content), 'hex'));
        END IF;
        INSERT INTO slad.document VALUES (sha256(content), content) ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

-- How far the witnesses of one's own ledger have seen, of no other monitor's, once the store has the lines up to `upto_seq`: before, nothing is changed.
CREATE OR REPLACE FUNCTION slad.slad_watermarks(
    observer text, instance text, upto_seq bigint, observers text[], sources text[], ats bigint[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    own slad.ledger := slad.own_ledger(slad_watermarks.observer);
    other text := (SELECT min(l.name) FROM slad.ledger l WHERE l.name = ANY (observers) AND l.number <> own.number);
BEGIN
    IF other IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%L says how far %L has seen, which is another monitor', own.name, other);
    END IF;
    IF own.seq >= upto_seq THEN
        INSERT INTO slad.watermark AS w (ledger, observer, source, at)
            SELECT own.number, t.* FROM unnest(observers, sources, ats) AS t
            ON CONFLICT (ledger, observer, source) DO UPDATE SET at = excluded.at WHERE w.at < excluded.at;
    END IF;
    RETURN slad.is_shared(own, slad_watermarks.instance);
END
$$;

-- At most so many lines that arrived after a number, in their order: those of the buckets and those for all; of no buckets: all lines.
CREATE OR REPLACE FUNCTION slad.slad_tail(after bigint, buckets smallint[], most integer)
RETURNS TABLE (arrival bigint, ledger text, seq bigint, body text, chain bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF buckets IS NULL THEN
        RETURN QUERY
            SELECT l.arrival, o.name, l.seq, l.body, l.chain
            FROM (SELECT * FROM slad.line t WHERE t.arrival > after ORDER BY t.arrival LIMIT most) l
            JOIN slad.ledger o ON o.number = l.ledger ORDER BY l.arrival;
    ELSE
        RETURN QUERY
            SELECT l.arrival, o.name, l.seq, l.body, l.chain
            FROM unnest(buckets || -1::smallint) AS wanted (bucket)
            CROSS JOIN LATERAL (
                SELECT * FROM slad.line t WHERE t.bucket = wanted.bucket AND t.arrival > after
                ORDER BY t.arrival LIMIT most
            ) l
            JOIN slad.ledger o ON o.number = l.ledger ORDER BY l.arrival LIMIT most;
    END IF;
END
$$;

-- Of these servers those that had several clients.
CREATE OR REPLACE FUNCTION slad.slad_moved(servers text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT s.id FROM slad.server s WHERE s.id = ANY(servers) AND s.client IS NULL';

-- At most so many lines of such a server that arrived between two numbers, in their order: what a shard needs that has it
-- from now on.
CREATE OR REPLACE FUNCTION slad.slad_earlier(server text, after bigint, before bigint, most integer)
RETURNS TABLE (arrival bigint, ledger text, seq bigint, body text, chain bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.arrival, o.name, l.seq, l.body, l.chain
    FROM slad.server s
    CROSS JOIN LATERAL (
        SELECT * FROM slad.line t WHERE t.bucket IN (s.bucket, -1) AND t.arrival > after AND t.arrival < before
        UNION ALL
        SELECT * FROM slad.line t WHERE s.bucket IS NULL AND t.bucket >= 0 AND t.arrival > after AND t.arrival < before
    ) l
    CROSS JOIN LATERAL json_to_record(CASE WHEN strpos(l.body, s.id) > 0 THEN slad.readable(l.body) ELSE '{}' END)
        AS j (kind text, id text, server text)
    JOIN slad.ledger o ON o.number = l.ledger
    WHERE s.id = slad_earlier.server AND (CASE j.kind WHEN 'server' THEN j.id ELSE j.server END) = s.id
    ORDER BY l.arrival LIMIT most
$$;

-- The number of the last line of all.
CREATE OR REPLACE FUNCTION slad.slad_arrival() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT arrival FROM slad.store';

-- The advisory locks of active hubs, in this database: this and a bucket. So of hubs that have a client in common one is active, into
-- however many shards each believes them to be divided.
CREATE OR REPLACE FUNCTION slad.hub_lock() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1397506376;

-- Whether this session has the locks of these buckets, which it takes where nobody has any of them, and once only.
CREATE OR REPLACE FUNCTION slad.slad_hub_active(buckets smallint[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bucket smallint;
BEGIN
    IF cardinality(buckets) = (SELECT count(*) FROM pg_locks l WHERE l.pid = pg_backend_pid()
        AND l.locktype = 'advisory' AND l.classid::bigint = slad.hub_lock() AND l.objsubid = 2 AND l.granted) THEN
        RETURN true;
    END IF;
    FOREACH bucket IN ARRAY buckets LOOP
        IF NOT pg_try_advisory_lock(slad.hub_lock(), bucket) THEN
            PERFORM pg_advisory_unlock_all();
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;

-- Append to the hub's ledger as the active hub of these buckets: `passive`, and nothing is changed, where another session has the lock
-- of one. They are held to the commit: whoever takes over sees all that was written before. Else as `slad_append`; a key that is not
-- null is kept.
CREATE OR REPLACE FUNCTION slad.slad_hub_append(
    buckets smallint[], first_seq bigint, bodies text[], head bytea, key text, digest text, documents bytea[] DEFAULT '{}'
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    done text;
    bucket smallint;
BEGIN
    FOREACH bucket IN ARRAY buckets LOOP
        IF NOT pg_try_advisory_xact_lock(slad.hub_lock(), bucket) THEN
            RETURN 'passive';
        END IF;
    END LOOP;
    SELECT a.outcome INTO done FROM slad.slad_append('hub', first_seq, bodies, head, documents) AS a;
    IF done = 'appended' AND key IS NOT NULL THEN
        INSERT INTO slad.request
            SELECT l.arrival, slad_hub_append.key, slad_hub_append.digest
            FROM slad.line l JOIN slad.ledger o ON o.number = l.ledger
            WHERE o.name = 'hub' AND l.seq = first_seq
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN done;
END
$$;

-- Who may what: groups, of which the roles that log in are members. Nobody but the owner touches a table.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['slad_monitor', 'slad_hub', 'slad_reader'] LOOP
        IF to_regrole(name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END
$$;
REVOKE ALL ON SCHEMA slad FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA slad FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA slad FROM PUBLIC;
GRANT USAGE ON SCHEMA slad TO slad_monitor, slad_hub, slad_reader;
GRANT EXECUTE ON FUNCTION slad.slad_version() TO slad_monitor, slad_hub, slad_reader;
GRANT EXECUTE ON FUNCTION
    slad.slad_head(text, text),
    slad.slad_chain(text, bigint),
    slad.slad_lines(text, bigint, integer),
    slad.slad_own_watermarks(text),
    slad.slad_bare(text),
    slad.slad_document(text, bytea),
    slad.slad_append(text, bigint, text[], bytea, bytea[]),
    slad.slad_watermarks(text, text, bigint, text[], text[], bigint[])
    TO slad_monitor, slad_hub;
GRANT EXECUTE ON FUNCTION slad.slad_tail(bigint, smallint[], integer), slad.slad_arrival() TO slad_hub, slad_reader;
GRANT EXECUTE ON FUNCTION
    slad.hub_lock(), slad.slad_hub_active(smallint[]),
    slad.slad_hub_append(smallint[], bigint, text[], bytea, text, text, bytea[]),
    slad.slad_moved(text[]), slad.slad_earlier(text, bigint, bigint, integer) TO slad_hub;
GRANT SELECT ON slad.ledger, slad.watermark TO slad_hub, slad_reader;
GRANT SELECT ON slad.request, slad.document TO slad_hub;
