-- Keys that programs show, and the record of who changed what.

CREATE TABLE api_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    key_id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,  -- SHA-256 of the key, which is kept nowhere; it alone tells whose key it is
    start text NOT NULL,  -- its first characters, by which people know it again
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, key_id)
);

-- No foreign key: what was done to a tenant is known when it is gone.
CREATE TABLE audit_log (
    tenant_id uuid NOT NULL,
    entry_id bigint GENERATED ALWAYS AS IDENTITY,
    happened_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (tenant_id, entry_id)
);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['api_keys', 'audit_log']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = nullif(current_setting(''codetriever.tenant'', true), '''')::uuid)', one);
    END LOOP;
END
$$;

-- Who shows a key sees that key's row and no other, before it is known whose it is.
CREATE POLICY by_its_hash ON api_keys FOR SELECT USING (hash = decode(current_setting('codetriever.key_hash', true), 'hex'));
