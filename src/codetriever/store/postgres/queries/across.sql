-- name: list_generations
-- The branch that is meant of each repository: the one that is named, else the default one, else the one that was indexed last.
SELECT DISTINCT ON (r.repository_id) r.repository_id, r.name, r.next_number, b.branch_id, b.branch, b.generation, b.head_commit,
       extract(epoch FROM b.last_indexed)::float8, extract(epoch FROM b.last_used)::float8, b.files, b.chunks, b.text_bytes, b.term_count
FROM repositories r
JOIN project_branches b ON b.tenant_id = %(tenant)s AND b.repository_id = r.repository_id
WHERE r.tenant_id = %(tenant)s AND b.worktree = '' AND b.features = %(features)s
  AND (%(names)s::text[] IS NULL OR r.name = ANY (%(names)s::text[])) AND (%(branch)s::text IS NULL OR b.branch = %(branch)s)
ORDER BY r.repository_id, b.branch = r.default_branch DESC, b.branch IN ('main', 'master') DESC, b.last_indexed DESC, b.branch_id

-- name: postings_of_tenant
-- The chunks of some repositories that hold some terms.
SELECT term, repository_id, segment_id, chunks, frequencies
FROM postings
WHERE tenant_id = %(tenant)s AND term = ANY (%(terms)s::bytea[]) AND repository_id = ANY (%(repositories)s::bigint[])
ORDER BY term, repository_id, segment_id

-- name: products_of_repositories
-- For every chunk of some repositories the products of its vector with a question in two parts (see products.py) and with itself.
SELECT repository_id, array_agg(blob_id + chunk_index),
       array_agg(-2048 * (dense <#> %(high)s::halfvec) - (dense <#> %(low)s::halfvec)), array_agg(-(dense <#> dense))
FROM vectors
WHERE tenant_id = %(tenant)s AND model = %(model)s AND repository_id = ANY (%(repositories)s::bigint[])
GROUP BY repository_id

-- name: signs_of_repositories
-- The signs of the vectors of some repositories, blob by blob, and how many bytes they are of each.
SELECT repository_id, array_agg(blob_id), array_agg(octet_length(signs)), string_agg(signs, ''::bytea)
FROM vector_signs
WHERE tenant_id = %(tenant)s AND model = %(model)s AND repository_id = ANY (%(repositories)s::bigint[])
GROUP BY repository_id

-- name: repositories_defining
-- The repositories that define a symbol.
SELECT DISTINCT repository_id FROM symbols
WHERE tenant_id = %(tenant)s AND name_hash = ANY (%(hashes)s::int[]) AND repository_id = ANY (%(repositories)s::bigint[])

-- name: repositories_listing
-- Those of some branches that list a file, or anything in a folder, of that name.
SELECT wanted.repository_id
FROM unnest(%(repositories)s::bigint[], %(views)s::bigint[]) AS wanted (repository_id, branch_id)
WHERE EXISTS (
    SELECT FROM indexed_files f
    WHERE f.tenant_id = %(tenant)s AND f.repository_id = wanted.repository_id AND f.branch_id = wanted.branch_id
      AND f.file_path = %(path)s
) OR EXISTS (
    SELECT FROM indexed_files f
    WHERE f.tenant_id = %(tenant)s AND f.repository_id = wanted.repository_id AND f.branch_id = wanted.branch_id
      AND f.file_path > %(path)s || '/'::bytea AND f.file_path < %(path)s || '0'::bytea
)

-- name: touch_views
-- Note that branches are used, at most every hour.
UPDATE project_branches SET last_used = now()
WHERE tenant_id = %(tenant)s AND branch_id = ANY (%(views)s::bigint[]) AND last_used < now() - interval '1 hour'

-- name: replica_lag
-- How many seconds of the primary's work a replica has received and not yet done; 0 where nothing is replicated.
SELECT CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
       THEN coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) ELSE 0 END::float8
