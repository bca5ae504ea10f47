-- name: find_repository
-- The number of a repository.
SELECT repository_id FROM repositories WHERE tenant_id = %(tenant)s AND name = %(name)s

-- name: list_views
-- Every branch of a repository.
SELECT worktree, branch, generation, head_commit, extract(epoch FROM last_indexed)::float8, extract(epoch FROM last_used)::float8,
       files, chunks, text_bytes
FROM project_branches
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s
ORDER BY last_used DESC, branch_id

-- name: find_view
-- One branch, if it was made by these versions of analysis.
SELECT branch_id, generation, head_commit, extract(epoch FROM last_indexed)::float8, extract(epoch FROM last_used)::float8,
       files, chunks, text_bytes, term_count
FROM project_branches
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND worktree = %(worktree)s AND branch = %(branch)s
  AND features = %(features)s

-- name: find_generation
-- The generation of a branch.
SELECT generation FROM project_branches
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND worktree = %(worktree)s AND branch = %(branch)s
  AND features = %(features)s

-- name: load_listing
-- What the writer of a branch's list kept beside it.
SELECT listing FROM project_branches
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s

-- name: load_files
-- A branch's list of files as columns, by path.
SELECT array_agg(file_path), array_agg(blob_id), string_agg(digest, ''::bytea), array_agg(language), array_agg(role), array_agg(skip),
       array_agg(size_bytes), array_agg(mtime_ns), array_agg(ctime_ns), array_agg(inode)
FROM (
    SELECT file_path, coalesce(blob_id, -1) AS blob_id, digest, language, role, skip, size_bytes, mtime_ns, ctime_ns, inode
    FROM indexed_files
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s
    ORDER BY file_path
) listed

-- name: load_path_terms
-- The words of a branch's paths, by path.
SELECT array_agg(path_terms)
FROM (
    SELECT path_terms
    FROM indexed_files
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s
    ORDER BY file_path
) listed

-- name: load_blobs
-- The blobs that a branch lists, by number.
SELECT array_agg(blob_id), array_agg(chunk_count), string_agg(digest, ''::bytea), array_agg(language)
FROM (
    SELECT blob_id, chunk_count, digest, language
    FROM blobs
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = ANY (ARRAY(
        SELECT DISTINCT blob_id FROM indexed_files
        WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s AND blob_id IS NOT NULL
    ))
    ORDER BY blob_id
) listed

-- name: load_chunks
-- The chunks of the blobs that a branch lists, by blob and position.
SELECT array_agg(start_line), array_agg(end_line), array_agg(byte_start), array_agg(byte_end), array_agg(kind), array_agg(term_count)
FROM (
    SELECT start_line, end_line, byte_start, byte_end, kind, term_count
    FROM chunk_metadata
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = ANY (ARRAY(
        SELECT DISTINCT blob_id FROM indexed_files
        WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s AND blob_id IS NOT NULL
    ))
    ORDER BY blob_id, chunk_index
) listed

-- name: chunk_names
-- The names of some chunks, with their places in the question.
SELECT position, name
FROM unnest(%(blobs)s::bigint[], %(indexes)s::int[]) WITH ORDINALITY AS wanted (blob_id, chunk_index, position)
JOIN chunk_metadata c USING (blob_id, chunk_index)
WHERE c.tenant_id = %(tenant)s AND c.repository_id = %(repository)s AND name <> ''

-- name: postings
-- The chunks that hold a term.
SELECT segment_id, chunks, frequencies
FROM postings
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND term = %(term)s
ORDER BY segment_id

-- name: terms_containing
-- The terms that hold some bytes, in order.
SELECT DISTINCT term FROM postings
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND position(%(part)s::bytea IN term) > 0
ORDER BY term LIMIT %(limit)s

-- name: nearest
-- The chunks of a repository, or of some of its blobs, whose vectors are nearest by a graph.
SELECT array_agg(blob_id), array_agg(chunk_index)
FROM (
    SELECT blob_id, chunk_index
    FROM vectors
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND model = %(model)s
      AND (%(blobs)s::bigint[] IS NULL OR blob_id = ANY (%(blobs)s::bigint[]))
    ORDER BY dense <=> %(vector)s::halfvec
    LIMIT %(limit)s
) best

-- name: load_signs
-- The signs of some blobs' vectors, by blob.
SELECT array_agg(blob_id), string_agg(signs, ''::bytea)
FROM (
    SELECT blob_id, signs
    FROM vector_signs
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND model = %(model)s AND blob_id = ANY (%(blobs)s::bigint[])
    ORDER BY blob_id
) listed

-- name: vectors_of_blobs
-- The vectors of some blobs.
SELECT blob_id, chunk_index, dense
FROM vectors
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND model = %(model)s AND blob_id = ANY (%(blobs)s::bigint[])
ORDER BY blob_id, chunk_index

-- name: products_of_blobs
-- For all chunks of some blobs the products of their vectors with a question in two parts (see products.py) and with themselves.
SELECT array_agg(blob_id), array_agg(chunk_index), array_agg(-2048 * (dense <#> %(high)s::halfvec) - (dense <#> %(low)s::halfvec)),
       array_agg(-(dense <#> dense))
FROM vectors
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND model = %(model)s AND blob_id = ANY (%(blobs)s::bigint[])

-- name: products
-- The same for some chunks, with their places in the question. (OFFSET 0 keeps the planner from reading the whole repository instead.)
SELECT array_agg(position), array_agg(-2048 * (dense <#> %(high)s::halfvec) - (dense <#> %(low)s::halfvec)), array_agg(-(dense <#> dense))
FROM unnest(%(blobs)s::bigint[], %(indexes)s::int[]) WITH ORDINALITY AS wanted (blob_id, chunk_index, position),
     LATERAL (
         SELECT dense FROM vectors
         WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND model = %(model)s
           AND blob_id = wanted.blob_id AND chunk_index = wanted.chunk_index
         OFFSET 0
     ) AS found

-- name: vectors
-- The vectors of some chunks, with their places in the question.
SELECT position, dense
FROM unnest(%(blobs)s::bigint[], %(indexes)s::int[]) WITH ORDINALITY AS wanted (blob_id, chunk_index, position)
JOIN vectors v USING (blob_id, chunk_index)
WHERE v.tenant_id = %(tenant)s AND v.repository_id = %(repository)s AND v.model = %(model)s

-- name: symbols_named
-- The definitions whose folded name has a hash.
SELECT blob_id, chunk_index, name, qualified_name, signature, kind, line, start_line, end_line, byte_start, byte_end
FROM symbols
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND name_hash = %(hash)s
ORDER BY blob_id, position

-- name: symbols_of_blob
-- The definitions of a blob.
SELECT blob_id, chunk_index, name, qualified_name, signature, kind, line, start_line, end_line, byte_start, byte_end
FROM symbols
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = %(blob)s
ORDER BY position

-- name: blob_content
-- What a blob holds, and what its chunks are called.
SELECT encoding, content, ARRAY(
    SELECT name FROM chunk_metadata
    WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = %(blob)s
    ORDER BY chunk_index
)
FROM blobs WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = %(blob)s

-- name: is_complete
-- Whether every chunk of a repository has a vector of a model.
SELECT (SELECT count(*) FROM chunk_metadata WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s)
     = (SELECT count(*) FROM vectors WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND model = %(model)s)

-- name: size_bytes
-- About what a repository takes: its rows as they are stored, without indexes.
SELECT coalesce((SELECT sum(pg_column_size(b)) FROM blobs b WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
     + coalesce((SELECT sum(pg_column_size(c)) FROM chunk_metadata c WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
     + coalesce((SELECT sum(pg_column_size(v)) FROM vectors v WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
     + coalesce((SELECT sum(pg_column_size(n)) FROM vector_signs n WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
     + coalesce((SELECT sum(pg_column_size(s)) FROM symbols s WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
     + coalesce((SELECT sum(pg_column_size(p)) FROM postings p WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
     + coalesce((SELECT sum(pg_column_size(f)) FROM indexed_files f WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s), 0)
