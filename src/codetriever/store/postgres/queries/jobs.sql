-- name: submit_job
-- Let work wait, or join what waits for the branch: a whole state replaces what was wanted before, changes come on top of it.
INSERT INTO indexing_jobs AS j (tenant_id, job_id, repository, branch, source, place, credentials, priority, correlation_id)
VALUES (%(tenant)s, %(job)s, %(name)s, %(branch)s, %(source)s, %(place)s, %(credentials)s, %(priority)s, %(correlation)s)
ON CONFLICT (tenant_id, repository, branch) WHERE state = 'pending' DO UPDATE SET
    source = CASE WHEN %(is_whole)s THEN excluded.source ELSE j.source END,
    place = CASE WHEN %(is_whole)s THEN excluded.place ELSE j.place END,
    credentials = CASE WHEN %(is_whole)s THEN excluded.credentials ELSE j.credentials END,
    priority = greatest(j.priority, excluded.priority),
    due_at = least(j.due_at, excluded.due_at),
    attempts = 0,
    submissions = j.submissions + 1
RETURNING job_id

-- name: begin_upload
-- Contents that are not yet any job's.
INSERT INTO job_submissions (tenant_id, submission_id, replaces) VALUES (%(tenant)s, %(submission)s, %(replaces)s)

-- name: upload_files
-- Some of the contents of a submission.
INSERT INTO job_files (tenant_id, submission_id, file_path, content)
SELECT %(tenant)s, %(submission)s, path, CASE WHEN is_gone THEN NULL ELSE content END
FROM unnest(%(paths)s::bytea[], %(contents)s::bytea[], %(gone)s::bool[]) AS sent (path, content, is_gone)

-- name: drop_contents
-- What a job no longer needs.
DELETE FROM job_submissions WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- name: join_contents
-- Give a job the contents of a finished upload, after all that it has.
UPDATE job_submissions SET job_id = %(job)s, position = nextval('job_positions')
WHERE tenant_id = %(tenant)s AND submission_id = %(submission)s

-- name: job_submissions
-- The uploads of a job, the newest first.
SELECT submission_id, replaces FROM job_submissions
WHERE tenant_id = %(tenant)s AND job_id = %(job)s ORDER BY position DESC

-- name: job_files
-- Some contents of an upload, by path.
SELECT file_path, content FROM job_files
WHERE tenant_id = %(tenant)s AND submission_id = %(submission)s AND file_path > %(after_path)s
ORDER BY file_path LIMIT %(limit)s

-- name: find_job
-- One job.
SELECT job_id, repository, branch, state, source, place, priority, submissions, correlation_id, cancel_requested,
       extract(epoch FROM submitted_at)::float8, extract(epoch FROM due_at)::float8, extract(epoch FROM started_at)::float8,
       extract(epoch FROM finished_at)::float8, extract(epoch FROM heartbeat_at)::float8, attempts, deaths, worker, files_done, files_total,
       chunks, generation, head_commit, failed_files, failures, error_code, error, joined_job
FROM indexing_jobs WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- name: list_jobs
-- The jobs of a tenant, the newest first.
SELECT job_id, repository, branch, state, source, place, priority, submissions, correlation_id, cancel_requested,
       extract(epoch FROM submitted_at)::float8, extract(epoch FROM due_at)::float8, extract(epoch FROM started_at)::float8,
       extract(epoch FROM finished_at)::float8, extract(epoch FROM heartbeat_at)::float8, attempts, deaths, worker, files_done, files_total,
       chunks, generation, head_commit, failed_files, failures, error_code, error, joined_job
FROM indexing_jobs
WHERE tenant_id = %(tenant)s AND (%(state)s = '' OR state = %(state)s) AND (%(name)s = '' OR repository = %(name)s)
ORDER BY submitted_at DESC, job_id LIMIT %(limit)s OFFSET %(offset)s

-- name: count_jobs
-- How many jobs of a tenant are in each state.
SELECT state, count(*) FROM indexing_jobs WHERE tenant_id = %(tenant)s GROUP BY state ORDER BY state

-- name: cancel_job
-- A job that waits ends at once; one that runs is asked to.
UPDATE indexing_jobs SET
    state = CASE WHEN state = 'pending' THEN 'cancelled' ELSE state END,
    finished_at = CASE WHEN state = 'pending' THEN now() END,
    credentials = CASE WHEN state = 'pending' THEN '' ELSE credentials END,
    cancel_requested = true
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state IN ('pending', 'running')
RETURNING state

-- name: purge_jobs
-- Forget jobs that ended long ago.
DELETE FROM indexing_jobs WHERE tenant_id = %(tenant)s AND finished_at < now() - make_interval(secs => %(older_s)s)

-- name: purge_uploads
-- Forget uploads that never became part of a job.
DELETE FROM job_submissions
WHERE tenant_id = %(tenant)s AND job_id IS NULL AND submitted_at < now() - make_interval(secs => %(older_s)s)

-- name: take_job
-- Take the job whose turn it is: of the highest priority, of the tenant with the fewest running, the one that is due the longest.
-- Tenants are found by leaping from one to the next, and of each only the first job of each priority is looked at, so neither the number
-- of jobs that wait nor that of finished ones matters. Whoever asks holds the lock on taking.
WITH RECURSIVE waiting AS (
    (SELECT tenant_id FROM indexing_jobs WHERE state = 'pending' ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT j.tenant_id FROM indexing_jobs j WHERE j.state = 'pending' AND j.tenant_id > w.tenant_id ORDER BY j.tenant_id LIMIT 1
    )
    FROM waiting w WHERE w.tenant_id IS NOT NULL
), firsts AS (
    SELECT f.place, f.due_at, p.priority, (
        SELECT count(*) FROM indexing_jobs o WHERE o.tenant_id = f.tenant_id AND o.state = 'running'
    ) AS jobs
    FROM waiting w
    CROSS JOIN (VALUES (1::smallint), (0::smallint), (-1::smallint)) AS p (priority)
    CROSS JOIN LATERAL (
        SELECT j.tenant_id, j.ctid AS place, j.due_at FROM indexing_jobs j
        WHERE j.tenant_id = w.tenant_id AND j.state = 'pending' AND j.priority = p.priority AND j.due_at <= now() AND NOT EXISTS (
            SELECT FROM indexing_jobs o
            WHERE o.tenant_id = j.tenant_id AND o.repository = j.repository AND o.branch = j.branch AND o.state = 'running'
        )
        ORDER BY j.due_at LIMIT 1
    ) f
    ORDER BY p.priority DESC, jobs, f.due_at LIMIT 10
), chosen AS (
    SELECT j.tenant_id, j.job_id
    FROM firsts f JOIN indexing_jobs j ON j.ctid = f.place  -- which a row that was changed meanwhile no longer has
    ORDER BY f.priority DESC, f.jobs, f.due_at LIMIT 1
    FOR UPDATE OF j SKIP LOCKED
)
UPDATE indexing_jobs j SET
    state = 'running', worker = %(worker)s, started_at = now(), heartbeat_at = now(), files_done = 0, files_total = 0, chunks = 0
FROM chosen c WHERE j.tenant_id = c.tenant_id AND j.job_id = c.job_id
RETURNING j.tenant_id, j.job_id, j.credentials

-- name: beat_job
-- Say that a job is worked on, and how far it is; no row when it is somebody else's by now.
UPDATE indexing_jobs
SET heartbeat_at = now(), files_done = %(files_done)s, files_total = %(files_total)s, chunks = %(chunks)s
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state = 'running' AND worker = %(worker)s
RETURNING cancel_requested

-- name: end_job
-- Record how a job ended; nothing when it is somebody else's by now.
UPDATE indexing_jobs SET
    state = %(state)s, finished_at = now(), credentials = '', files_done = %(files_done)s, files_total = %(files_total)s,
    chunks = %(chunks)s, generation = %(generation)s, head_commit = %(head)s, failed_files = %(failed_files)s, failures = %(failures)s,
    error_code = %(error_code)s, error = %(error)s, joined_job = %(joined)s,
    attempts = attempts + %(attempts)s, deaths = deaths + %(deaths)s
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state = 'running' AND worker = %(worker)s

-- name: requeue_job
-- Let a job wait again, unless another of its branch waits.
UPDATE indexing_jobs j SET
    state = 'pending', due_at = now() + make_interval(secs => %(delay_s)s), worker = '', heartbeat_at = NULL,
    failed_files = %(failed_files)s, failures = %(failures)s, error_code = %(error_code)s, error = %(error)s,
    attempts = attempts + %(attempts)s, deaths = deaths + %(deaths)s
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state = 'running' AND worker = %(worker)s AND NOT EXISTS (
    SELECT FROM indexing_jobs o
    WHERE o.tenant_id = j.tenant_id AND o.repository = j.repository AND o.branch = j.branch AND o.state = 'pending'
)

-- name: hand_over_place
-- Find the job that waits for the same branch as one that runs, and let it begin with what that one was to index unless it has a whole
-- state of its own.
UPDATE indexing_jobs w SET
    source = CASE WHEN h.is_whole THEN w.source ELSE j.source END,
    place = CASE WHEN h.is_whole THEN w.place ELSE j.place END,
    credentials = CASE WHEN h.is_whole THEN w.credentials ELSE j.credentials END
FROM indexing_jobs j
JOIN indexing_jobs o USING (tenant_id, repository, branch)
CROSS JOIN LATERAL (
    SELECT o.source <> 'contents' OR EXISTS (
        SELECT FROM job_submissions s WHERE s.tenant_id = o.tenant_id AND s.job_id = o.job_id AND s.replaces
    ) AS is_whole
) h
WHERE j.tenant_id = %(tenant)s AND j.job_id = %(job)s AND j.state = 'running' AND j.worker = %(worker)s
  AND w.tenant_id = o.tenant_id AND w.job_id = o.job_id AND w.state = 'pending' AND o.state = 'pending'
RETURNING w.job_id, h.is_whole

-- name: hand_over_contents
-- Let the waiting job have the contents of another, which are older than its own.
UPDATE job_submissions SET job_id = %(waiting)s WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- name: dead_jobs
-- Running jobs that were not heard of, unless the database itself was away not long ago.
SELECT tenant_id, job_id, worker FROM indexing_jobs
WHERE state = 'running' AND heartbeat_at < now() - make_interval(secs => %(silent_s)s)
  AND pg_postmaster_start_time() < now() - make_interval(secs => %(silent_s)s)
