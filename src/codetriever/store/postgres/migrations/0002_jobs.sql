-- Work that waits for a worker: what is to be indexed, how far it is, and how it ended.
--
-- A job is the work on one branch. At most one of a branch waits, and what is submitted meanwhile joins it; at most one runs.

CREATE TABLE indexing_jobs (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    job_id uuid NOT NULL,
    repository text NOT NULL CHECK (octet_length(repository) BETWEEN 1 AND 1000),
    branch text NOT NULL CHECK (octet_length(branch) <= 1000),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    source text NOT NULL CHECK (source IN ('contents', 'git', 'folder')),
    place text NOT NULL DEFAULT '',  -- the address or folder, without anything secret
    credentials text NOT NULL DEFAULT '',  -- user and password of the address; forgotten when the job ends
    priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1 AND 1),
    correlation_id uuid NOT NULL,
    submissions integer NOT NULL DEFAULT 1,  -- how many asked for this work
    cancel_requested boolean NOT NULL DEFAULT false,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),  -- not to be taken before
    started_at timestamptz,  -- of the last run
    finished_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,  -- runs that ended without being done
    deaths integer NOT NULL DEFAULT 0,  -- runs whose worker was not heard of again
    worker text NOT NULL DEFAULT '',
    heartbeat_at timestamptz,
    files_done integer NOT NULL DEFAULT 0,
    files_total integer NOT NULL DEFAULT 0,
    chunks integer NOT NULL DEFAULT 0,  -- embedded
    generation integer NOT NULL DEFAULT 0,
    head_commit text NOT NULL DEFAULT '',
    failed_files integer NOT NULL DEFAULT 0,
    failures jsonb NOT NULL DEFAULT '[]',  -- the first of them: path, reason, detail
    error_code text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    joined_job uuid,  -- the waiting job that does this one's work since it could not go on
    PRIMARY KEY (tenant_id, job_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);

CREATE UNIQUE INDEX indexing_jobs_one_waits ON indexing_jobs (tenant_id, repository, branch) WHERE state = 'pending';
CREATE UNIQUE INDEX indexing_jobs_one_runs ON indexing_jobs (tenant_id, repository, branch) WHERE state = 'running';
CREATE INDEX indexing_jobs_waiting ON indexing_jobs (tenant_id, priority, due_at) WHERE state = 'pending';
CREATE INDEX indexing_jobs_by_time ON indexing_jobs (tenant_id, submitted_at DESC, job_id);
CREATE INDEX indexing_jobs_finished ON indexing_jobs (tenant_id, finished_at) WHERE finished_at IS NOT NULL;

-- The contents that a job is to index, as they were sent. An upload that has no job yet is not finished, or was interrupted.
CREATE TABLE job_submissions (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    submission_id uuid NOT NULL,
    job_id uuid,
    position bigint NOT NULL DEFAULT 0,  -- of two that name the same path the later one holds
    replaces boolean NOT NULL,  -- these are all the files there are
    submitted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, submission_id)
);
CREATE INDEX job_submissions_by_job ON job_submissions (tenant_id, job_id, position);
CREATE SEQUENCE job_positions;

CREATE TABLE job_files (
    tenant_id uuid NOT NULL,
    submission_id uuid NOT NULL,
    file_path bytea NOT NULL CHECK (octet_length(file_path) BETWEEN 1 AND 2000),
    content bytea,  -- a zstd frame; none when the file is gone
    PRIMARY KEY (tenant_id, submission_id, file_path),
    FOREIGN KEY (tenant_id, submission_id) REFERENCES job_submissions (tenant_id, submission_id) ON DELETE CASCADE
);
ALTER TABLE job_files ALTER COLUMN content SET STORAGE EXTERNAL;

-- The one table of transitions, which no statement gets around.
CREATE FUNCTION check_job_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('pending', 'running'),  -- a worker took it
        ('pending', 'cancelled'),
        ('running', 'completed'),
        ('running', 'failed'),
        ('running', 'cancelled'),
        ('running', 'pending')  -- it is to be tried again, or its worker stopped or died
    ) THEN
        RAISE EXCEPTION 'a job that is % cannot become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_transition BEFORE UPDATE OF state ON indexing_jobs
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_job_transition();

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['indexing_jobs', 'job_submissions', 'job_files']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
    END LOOP;
END
$$;
CREATE POLICY one_tenant ON job_submissions USING (tenant_id = nullif(current_setting('codetriever.tenant', true), '')::uuid);
CREATE POLICY one_tenant ON job_files USING (tenant_id = nullif(current_setting('codetriever.tenant', true), '')::uuid);

-- Which job comes next is a question about all tenants; who asks it says so, and sees no contents by it.
CREATE POLICY one_tenant ON indexing_jobs USING (
    tenant_id = nullif(current_setting('codetriever.tenant', true), '')::uuid
    OR current_setting('codetriever.runs_jobs', true) = 'on'
);
