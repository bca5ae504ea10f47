-- name: lock_writer
-- Become the writer of a repository, until the connection ends or says otherwise.
SELECT pg_try_advisory_lock(%(lock)s)

-- name: unlock_writer
-- Let another become the writer.
SELECT pg_advisory_unlock(%(lock)s)

-- name: make_repository
-- A repository that is there already stays as it is.
INSERT INTO repositories (tenant_id, name, url) VALUES (%(tenant)s, %(name)s, %(url)s)
ON CONFLICT (tenant_id, name) DO NOTHING

-- name: next_number
-- The number of the next chunk of a repository.
SELECT next_number FROM repositories WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s

-- name: advance_number
-- Numbers below this one are taken.
UPDATE repositories SET next_number = %(number)s WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s

-- name: known_blobs
-- The numbers of the blobs that are there, with their places in the question.
SELECT array_agg(position), array_agg(blob_id)
FROM unnest(%(digests)s::bytea[], %(languages)s::text[]) WITH ORDINALITY AS wanted (digest, language, position)
JOIN blobs b USING (digest, language)
WHERE b.tenant_id = %(tenant)s AND b.repository_id = %(repository)s AND b.features = %(features)s

-- name: add_blobs
-- Blobs with their content; one that is there already is left out, which the count of rows tells.
INSERT INTO blobs (tenant_id, repository_id, blob_id, digest, language, features, encoding, size_bytes, chunk_count, term_count,
                   segment_id, content)
SELECT %(tenant)s, %(repository)s, blob_id, digest, language, %(features)s, encoding, size_bytes, chunk_count, term_count, %(segment)s,
       content
FROM unnest(%(blobs)s::bigint[], %(digests)s::bytea[], %(languages)s::text[], %(encodings)s::text[], %(sizes)s::bigint[],
            %(chunk_counts)s::int[], %(term_counts)s::bigint[], %(contents)s::bytea[])
     AS added (blob_id, digest, language, encoding, size_bytes, chunk_count, term_count, content)
ON CONFLICT (tenant_id, repository_id, digest, language, features) DO NOTHING

-- name: add_chunks
-- The chunks of new blobs.
INSERT INTO chunk_metadata (tenant_id, repository_id, blob_id, chunk_index, chunk_id, start_line, end_line, byte_start, byte_end, kind,
                            term_count, name)
SELECT %(tenant)s, %(repository)s, added.*
FROM unnest(%(blobs)s::bigint[], %(indexes)s::int[], %(ids)s::uuid[], %(start_line)s::int[], %(end_line)s::int[], %(byte_start)s::int[],
            %(byte_end)s::int[], %(kinds)s::smallint[], %(lengths)s::int[], %(names)s::text[]) AS added
ON CONFLICT (tenant_id, repository_id, blob_id, chunk_index) DO NOTHING

-- name: add_vectors
-- The vectors of chunks under one model.
INSERT INTO vectors (tenant_id, repository_id, model, blob_id, chunk_index, dense)
SELECT %(tenant)s, %(repository)s, %(model)s, added.*
FROM unnest(%(blobs)s::bigint[], %(indexes)s::int[], %(vectors)s::halfvec[]) AS added
ON CONFLICT (tenant_id, repository_id, blob_id, chunk_index, model) DO NOTHING

-- name: add_signs
-- The signs of blobs' vectors under one model.
INSERT INTO vector_signs (tenant_id, repository_id, model, blob_id, signs)
SELECT %(tenant)s, %(repository)s, %(model)s, added.*
FROM unnest(%(signed)s::bigint[], %(signs)s::bytea[]) AS added
ON CONFLICT (tenant_id, repository_id, model, blob_id) DO NOTHING

-- name: add_symbols
-- The definitions in new blobs.
INSERT INTO symbols (tenant_id, repository_id, blob_id, position, name_hash, name, qualified_name, signature, kind, chunk_index, line,
                     start_line, end_line, byte_start, byte_end)
SELECT %(tenant)s, %(repository)s, added.*
FROM unnest(%(blobs)s::bigint[], %(positions)s::int[], %(hashes)s::int[], %(names)s::text[], %(qualified_names)s::text[],
            %(signatures)s::text[], %(kinds)s::smallint[], %(chunks)s::int[], %(lines)s::int[], %(start_line)s::int[], %(end_line)s::int[],
            %(byte_start)s::int[], %(byte_end)s::int[]) AS added
ON CONFLICT (tenant_id, repository_id, blob_id, position) DO NOTHING

-- name: add_postings
-- The posting lists of a segment.
INSERT INTO postings (tenant_id, repository_id, segment_id, term, chunks, frequencies)
SELECT %(tenant)s, %(repository)s, %(segment)s, added.*
FROM unnest(%(terms)s::bytea[], %(chunks)s::bytea[], %(frequencies)s::bytea[]) AS added
ON CONFLICT (tenant_id, repository_id, term, segment_id) DO NOTHING

-- name: add_segment
-- A segment of so many chunks.
INSERT INTO segments (tenant_id, repository_id, segment_id, chunks) VALUES (%(tenant)s, %(repository)s, %(segment)s, %(chunks)s)

-- name: find_view_to_write
-- One branch, whatever versions of analysis made it.
SELECT branch_id, generation, head_commit, features, extract(epoch FROM last_indexed)::float8, files, chunks, text_bytes, listing
FROM project_branches
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND worktree = %(worktree)s AND branch = %(branch)s

-- name: find_previous_view
-- The branch itself, or the one of the same worktree that was indexed last.
SELECT branch_id FROM project_branches
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND worktree = %(worktree)s AND features = %(features)s
ORDER BY branch = %(branch)s DESC, last_indexed DESC
LIMIT 1

-- name: count_listed
-- How many of the listed blobs there are, their chunks and terms once each, their bytes as often as they are listed.
SELECT count(*), coalesce(sum(chunk_count), 0)::bigint, coalesce(sum(size_bytes * times), 0)::bigint, coalesce(sum(term_count), 0)::bigint
FROM unnest(%(blobs)s::bigint[], %(times)s::bigint[]) AS listed (blob_id, times)
JOIN blobs b USING (blob_id)
WHERE b.tenant_id = %(tenant)s AND b.repository_id = %(repository)s

-- name: switch_view
-- Make a generation the current one.
INSERT INTO project_branches (tenant_id, repository_id, worktree, branch, head_commit, generation, features, files, chunks, text_bytes,
                              term_count, listing, last_indexed, last_used)
VALUES (%(tenant)s, %(repository)s, %(worktree)s, %(branch)s, %(head)s, %(generation)s, %(features)s, %(files)s, %(chunks)s,
        %(text_bytes)s, %(term_count)s, %(listing)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (tenant_id, repository_id, worktree, branch) DO UPDATE SET
    head_commit = excluded.head_commit, generation = excluded.generation, features = excluded.features, files = excluded.files,
    chunks = excluded.chunks, text_bytes = excluded.text_bytes, term_count = excluded.term_count, listing = excluded.listing,
    last_indexed = excluded.last_indexed, last_used = excluded.last_used
RETURNING branch_id, extract(epoch FROM last_indexed AT TIME ZONE 'UTC')::float8

-- name: drop_files
-- Paths that a branch lists no longer.
DELETE FROM indexed_files
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s AND file_path = ANY (%(paths)s::bytea[])

-- name: list_files
-- Paths that are new in a branch or list something else than before.
INSERT INTO indexed_files (tenant_id, repository_id, branch_id, file_path, blob_id, digest, language, role, skip, size_bytes, mtime_ns,
                           ctime_ns, inode, path_terms)
SELECT %(tenant)s, %(repository)s, %(view)s, file_path, nullif(blob_id, -1), digest, language, role, skip, size_bytes, mtime_ns, ctime_ns,
       inode, path_terms
FROM unnest(%(paths)s::bytea[], %(blobs)s::bigint[], %(digests)s::bytea[], %(languages)s::text[], %(roles)s::smallint[],
            %(skips)s::smallint[], %(size_bytes)s::bigint[], %(mtime_ns)s::bigint[], %(ctime_ns)s::bigint[], %(inode)s::bigint[],
            %(path_terms)s::bytea[])
     AS listed (file_path, blob_id, digest, language, role, skip, size_bytes, mtime_ns, ctime_ns, inode, path_terms)
ON CONFLICT (tenant_id, repository_id, branch_id, file_path) DO UPDATE SET
    blob_id = excluded.blob_id, digest = excluded.digest, language = excluded.language, role = excluded.role, skip = excluded.skip,
    size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, inode = excluded.inode,
    path_terms = excluded.path_terms, indexed_at = excluded.indexed_at

-- name: drop_all_files
-- Everything that a branch lists.
DELETE FROM indexed_files WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s

-- name: drop_view
-- Forget a branch.
DELETE FROM project_branches WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s

-- name: touch_view
-- Note that a branch is used, at most every hour.
UPDATE project_branches SET last_used = now()
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND branch_id = %(view)s AND last_used < now() - interval '1 hour'

-- name: sweep_blobs
-- Delete what no branch lists, and say what it was. (NOT IN is hashed whatever the statistics say; an anti join may become one look for each.)
DELETE FROM blobs b
WHERE b.tenant_id = %(tenant)s AND b.repository_id = %(repository)s AND b.blob_id NOT IN (
    SELECT f.blob_id FROM indexed_files f
    WHERE f.tenant_id = %(tenant)s AND f.repository_id = %(repository)s AND f.blob_id IS NOT NULL
)
RETURNING b.blob_id, b.segment_id, b.chunk_count

-- name: sweep_chunks
-- Delete the chunks of swept blobs.
DELETE FROM chunk_metadata WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = ANY (%(blobs)s::bigint[])

-- name: sweep_vectors
-- Delete the vectors of swept blobs, of every model.
DELETE FROM vectors WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = ANY (%(blobs)s::bigint[])

-- name: sweep_signs
-- Delete the signs of swept blobs, under every model.
DELETE FROM vector_signs WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = ANY (%(blobs)s::bigint[])

-- name: sweep_symbols
-- Delete the definitions of swept blobs.
DELETE FROM symbols WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND blob_id = ANY (%(blobs)s::bigint[])

-- name: count_dead
-- Note how many chunks of each segment were swept.
UPDATE segments s SET dead_chunks = dead_chunks + dead
FROM unnest(%(segments)s::bigint[], %(dead)s::int[]) AS swept (segment_id, dead)
WHERE s.tenant_id = %(tenant)s AND s.repository_id = %(repository)s AND s.segment_id = swept.segment_id

-- name: list_segments
-- Every segment of a repository.
SELECT segment_id, chunks, dead_chunks FROM segments WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s ORDER BY segment_id

-- name: drop_postings
-- Delete the posting lists of segments.
DELETE FROM postings WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND segment_id = ANY (%(segments)s::bigint[])

-- name: drop_segments
-- Forget segments.
DELETE FROM segments WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND segment_id = ANY (%(segments)s::bigint[])

-- name: postings_of_segments
-- The posting lists of some segments, term by term.
SELECT term, segment_id, chunks, frequencies
FROM postings
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND segment_id = ANY (%(segments)s::bigint[])
ORDER BY term, segment_id

-- name: blobs_of_segments
-- The blobs that are left of some segments.
SELECT array_agg(blob_id ORDER BY blob_id), array_agg(chunk_count ORDER BY blob_id)
FROM blobs
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND segment_id = ANY (%(segments)s::bigint[])

-- name: move_blobs
-- Say where the postings of blobs are now.
UPDATE blobs SET segment_id = %(segment)s
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s AND segment_id = ANY (%(segments)s::bigint[])

-- name: blobs_to_embed
-- The next blobs that have chunks without a vector of a model.
SELECT b.blob_id, b.language, b.encoding, b.content
FROM blobs b
WHERE b.tenant_id = %(tenant)s AND b.repository_id = %(repository)s AND b.blob_id > %(after)s AND b.chunk_count > (
    SELECT count(*) FROM vectors v
    WHERE v.tenant_id = %(tenant)s AND v.repository_id = %(repository)s AND v.model = %(model)s AND v.blob_id = b.blob_id
)
ORDER BY b.blob_id
LIMIT %(limit)s

-- name: chunks_to_embed
-- The chunks of a blob that have no vector of a model.
SELECT c.chunk_index, c.byte_start, c.byte_end, c.name
FROM chunk_metadata c
WHERE c.tenant_id = %(tenant)s AND c.repository_id = %(repository)s AND c.blob_id = %(blob)s AND NOT EXISTS (
    SELECT FROM vectors v
    WHERE v.tenant_id = %(tenant)s AND v.repository_id = %(repository)s AND v.model = %(model)s AND v.blob_id = c.blob_id
      AND v.chunk_index = c.chunk_index
)
ORDER BY c.chunk_index

-- name: models_to_sign
-- The models under which blobs have vectors and no signs.
SELECT DISTINCT model FROM vectors v
WHERE v.tenant_id = %(tenant)s AND v.repository_id = %(repository)s AND NOT EXISTS (
    SELECT FROM vector_signs n
    WHERE n.tenant_id = %(tenant)s AND n.repository_id = %(repository)s AND n.model = v.model AND n.blob_id = v.blob_id
)

-- name: blobs_to_sign
-- The next blobs that have vectors of a model for all of their chunks, and no signs.
SELECT array_agg(blob_id), array_agg(chunk_count)
FROM (
    SELECT b.blob_id, b.chunk_count
    FROM blobs b
    WHERE b.tenant_id = %(tenant)s AND b.repository_id = %(repository)s AND b.blob_id > %(after)s AND b.chunk_count > 0 AND NOT EXISTS (
        SELECT FROM vector_signs n
        WHERE n.tenant_id = %(tenant)s AND n.repository_id = %(repository)s AND n.model = %(model)s AND n.blob_id = b.blob_id
    ) AND b.chunk_count = (
        SELECT count(*) FROM vectors v
        WHERE v.tenant_id = %(tenant)s AND v.repository_id = %(repository)s AND v.model = %(model)s AND v.blob_id = b.blob_id
    )
    ORDER BY b.blob_id
    LIMIT %(limit)s
) listed

-- name: models_for_graphs
-- The models under which a repository has more vectors than are scanned, how many numbers these have, and how many there are.
SELECT model, max(vector_dims(dense)), count(*)
FROM vectors
WHERE tenant_id = %(tenant)s AND repository_id = %(repository)s
GROUP BY model
HAVING count(*) > %(most)s

-- name: take_statistics
-- Let the planner know of a large change now; by itself the database looks when a tenth of a table has changed.
ANALYZE blobs, indexed_files, chunk_metadata, vectors, vector_signs, symbols, postings
