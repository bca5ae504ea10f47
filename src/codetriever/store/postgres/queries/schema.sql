-- name: tables_without_security
-- Tables with tenants' rows that do not keep them apart.
SELECT c.relname
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
ORDER BY c.relname

-- name: find_tenant
-- A tenant by name or number.
SELECT tenant_id FROM tenants WHERE tenant_id = %(number)s::uuid OR name = %(name)s LIMIT 1

-- name: graph_state
-- Whether an index is whole; no row when there is none.
SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass(%(name)s)

-- name: has_citus
-- A row when tables can be spread over servers.
SELECT extversion FROM pg_extension WHERE extname = 'citus'

-- name: distributed_tables
-- The tables that lie on other servers.
SELECT table_name::text FROM citus_tables WHERE citus_table_type IN ('distributed', 'reference')

-- name: foreign_keys
-- What refers to what, with the words that say so.
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
ORDER BY conrelid, conname
