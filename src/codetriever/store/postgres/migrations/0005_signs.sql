-- The signs of the vectors of each blob, by which a search finds the few thousand chunks that it compares exactly. Of what was written
-- before they are made when they are missed.
CREATE TABLE vector_signs (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    model text NOT NULL,
    blob_id bigint NOT NULL,
    signs bytea NOT NULL,  -- of every chunk by its position, as many bytes for each
    PRIMARY KEY (tenant_id, repository_id, model, blob_id)
);
ALTER TABLE vector_signs ALTER COLUMN signs SET STORAGE EXTERNAL;

ALTER TABLE vector_signs ENABLE ROW LEVEL SECURITY;
ALTER TABLE vector_signs FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON vector_signs USING (tenant_id = nullif(current_setting('codetriever.tenant', true), '')::uuid);

-- Vectors are kept as whole numbers from now on, of any length; those before had length 1, and so their graphs took it to be.
DO $$
DECLARE
    one text;
BEGIN
    FOR one IN SELECT c.relname FROM pg_class c
               WHERE c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace AND starts_with(c.relname, 'vectors_near_')
    LOOP
        EXECUTE format('DROP INDEX %I', one);
    END LOOP;
END
$$;
