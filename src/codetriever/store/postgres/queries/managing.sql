-- name: create_tenant
-- A new tenant; no row when the name is taken.
INSERT INTO tenants (tenant_id, name) VALUES (gen_random_uuid(), %(name)s)
ON CONFLICT (name) DO NOTHING
RETURNING tenant_id::text, name, extract(epoch FROM created_at AT TIME ZONE 'UTC')::float8

-- name: list_tenants
-- Every tenant.
SELECT tenant_id::text, name, extract(epoch FROM created_at)::float8 FROM tenants ORDER BY name

-- name: drop_tenant
-- Forget a tenant whose rows are gone.
DELETE FROM tenants WHERE tenant_id = %(tenant)s

-- name: tables_of_tenants
-- Tables with tenants' rows, those that others point to last.
SELECT c.relname
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT IN ('tenants', 'audit_log')
ORDER BY EXISTS (SELECT FROM pg_constraint p WHERE p.confrelid = c.oid), c.relname

-- name: tables_of_repositories
-- Tables with repositories' rows, those that others point to last.
SELECT c.relname
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'repository_id' AND NOT a.attisdropped
JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
ORDER BY EXISTS (SELECT FROM pg_constraint p WHERE p.confrelid = c.oid), c.relname

-- name: graphs_of_repository
-- The graphs over the vectors of a repository.
SELECT c.relname FROM pg_class c
WHERE c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace AND starts_with(c.relname, %(prefix)s)

-- name: list_repositories
-- Every repository of a tenant with sums over its branches.
SELECT r.repository_id, r.name, r.url, r.default_branch, extract(epoch FROM r.created_at)::float8, count(b.branch_id),
       coalesce(sum(b.files), 0)::bigint, coalesce(sum(b.chunks), 0)::bigint, coalesce(sum(b.text_bytes), 0)::bigint,
       coalesce(extract(epoch FROM max(b.last_indexed)), 0)::float8, coalesce(extract(epoch FROM max(b.last_used)), 0)::float8
FROM repositories r
LEFT JOIN project_branches b ON b.tenant_id = %(tenant)s AND b.repository_id = r.repository_id
WHERE r.tenant_id = %(tenant)s AND (%(named)s::text IS NULL OR r.name = %(named)s)
GROUP BY r.tenant_id, r.repository_id
ORDER BY r.name

-- name: rename_repository
-- Call a repository otherwise.
UPDATE repositories SET name = %(new)s WHERE tenant_id = %(tenant)s AND name = %(name)s

-- name: tenant_statistics
-- How much a tenant has.
SELECT (SELECT count(*) FROM repositories WHERE tenant_id = %(tenant)s),
       (SELECT count(*) FROM project_branches WHERE tenant_id = %(tenant)s),
       (SELECT count(*) FROM indexed_files WHERE tenant_id = %(tenant)s),
       (SELECT count(*) FROM blobs WHERE tenant_id = %(tenant)s),
       (SELECT count(*) FROM chunk_metadata WHERE tenant_id = %(tenant)s),
       (SELECT count(*) FROM vectors WHERE tenant_id = %(tenant)s),
       (SELECT count(*) FROM symbols WHERE tenant_id = %(tenant)s),
       (SELECT coalesce(sum(size_bytes), 0)::bigint FROM blobs WHERE tenant_id = %(tenant)s)

-- name: create_key
-- A new key, of which only the hash is kept.
INSERT INTO api_keys (tenant_id, name, hash, start, scopes, expires_at)
VALUES (%(tenant)s, %(name)s, %(hash)s, %(start)s, %(scopes)s::text[], now() + make_interval(secs => %(expires_in_s)s::float8))
RETURNING key_id::text, tenant_id::text, name, start, scopes, extract(epoch FROM created_at AT TIME ZONE 'UTC')::float8,
          extract(epoch FROM expires_at AT TIME ZONE 'UTC')::float8, extract(epoch FROM revoked_at AT TIME ZONE 'UTC')::float8,
          extract(epoch FROM last_used_at AT TIME ZONE 'UTC')::float8

-- name: list_keys
-- Every key of a tenant, the newest first.
SELECT key_id::text, tenant_id::text, name, start, scopes, extract(epoch FROM created_at)::float8,
       extract(epoch FROM expires_at)::float8, extract(epoch FROM revoked_at)::float8, extract(epoch FROM last_used_at)::float8
FROM api_keys
WHERE tenant_id = %(tenant)s
ORDER BY created_at DESC, key_id

-- name: revoke_keys
-- Revoke the keys given by number or name; those that are revoked already stay as they are.
UPDATE api_keys SET revoked_at = now()
WHERE tenant_id = %(tenant)s AND (key_id::text = %(named)s OR name = %(named)s) AND revoked_at IS NULL
RETURNING key_id::text, tenant_id::text, name, start, scopes, extract(epoch FROM created_at AT TIME ZONE 'UTC')::float8,
          extract(epoch FROM expires_at AT TIME ZONE 'UTC')::float8, extract(epoch FROM revoked_at AT TIME ZONE 'UTC')::float8,
          extract(epoch FROM last_used_at AT TIME ZONE 'UTC')::float8

-- name: check_key
-- The key with this hash, if it is good, and whether its use is to be noted. (Only its own row can be seen: see the policy.)
SELECT key_id::text, tenant_id::text, name, start, scopes, extract(epoch FROM created_at)::float8,
       extract(epoch FROM expires_at)::float8, extract(epoch FROM revoked_at)::float8, extract(epoch FROM last_used_at)::float8,
       last_used_at IS NULL OR last_used_at < now() - interval '1 minute'
FROM api_keys
WHERE hash = %(hash)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- name: note_key_use
-- Note that a key is used, at most once a minute.
UPDATE api_keys SET last_used_at = now()
WHERE tenant_id = %(tenant)s AND key_id = %(key)s::uuid AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')

-- name: add_to_audit
-- Record who changed what.
INSERT INTO audit_log (tenant_id, actor, action, subject) VALUES (%(tenant)s, %(actor)s, %(action)s, %(subject)s)

-- name: list_audit
-- What was changed, the last first.
SELECT extract(epoch FROM happened_at)::float8, actor, action, subject
FROM audit_log
WHERE tenant_id = %(tenant)s
ORDER BY entry_id DESC
LIMIT %(limit)s

-- name: views_in_repositories
-- Every branch of a tenant's repositories, whether it has been used lately, and whether a job that is not done may change it.
SELECT r.name, r.repository_id, r.created_at < now() - make_interval(secs => %(unused_s)s::float8), b.worktree, b.branch,
       b.last_used < now() - make_interval(secs => %(unused_s)s::float8),
       EXISTS (SELECT FROM indexing_jobs j
               WHERE j.tenant_id = %(tenant)s AND j.repository = r.name AND j.state IN ('pending', 'running'))
FROM repositories r
LEFT JOIN project_branches b ON b.tenant_id = %(tenant)s AND b.repository_id = r.repository_id
WHERE r.tenant_id = %(tenant)s
ORDER BY r.name, b.worktree, b.branch

-- name: table_sizes
-- What each table takes with its indexes, its indexes alone, and about how many rows in it live and are dead.
SELECT c.relname, pg_total_relation_size(c.oid), pg_indexes_size(c.oid), greatest(c.reltuples, 0)::bigint,
       coalesce(pg_stat_get_dead_tuples(c.oid), 0)
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
ORDER BY pg_total_relation_size(c.oid) DESC, c.relname

-- name: indexes_to_remake
-- The indexes of our tables, but for graphs over vectors, whose making takes minutes and which do not bloat by being read.
SELECT i.relname
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_am m ON m.oid = i.relam
WHERE i.relnamespace = current_schema()::regnamespace AND m.amname = 'btree' AND x.indisvalid
ORDER BY i.relname
