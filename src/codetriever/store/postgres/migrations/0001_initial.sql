-- Tenants, repositories, branches and their files, blobs and what is derived from them.
--
-- Every key and index starts with tenant_id, which is also how the tables would be distributed. There are no foreign keys from tables with
-- a row per file or chunk: their rows are written and deleted by the one writer of a repository, in the same transaction as what they hang on.

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE repositories (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    repository_id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    url text NOT NULL DEFAULT '',
    default_branch text NOT NULL DEFAULT '',
    next_number bigint NOT NULL DEFAULT 1,  -- of the next chunk; a blob's number is that of its first chunk
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, repository_id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE project_branches (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    branch_id bigint GENERATED ALWAYS AS IDENTITY,
    worktree text NOT NULL DEFAULT '',  -- of a checkout with a list of its own; empty for the branch that everybody shares
    branch text NOT NULL,
    head_commit text NOT NULL DEFAULT '',
    generation integer NOT NULL,
    features text NOT NULL,  -- versions of what derived chunks and terms from bytes
    files integer NOT NULL,
    chunks integer NOT NULL,
    text_bytes bigint NOT NULL,
    term_count bigint NOT NULL,
    listing bytea NOT NULL DEFAULT '',  -- what the writer of the list keeps for the next one
    last_indexed timestamptz NOT NULL,
    last_used timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, repository_id, branch_id),
    UNIQUE (tenant_id, repository_id, worktree, branch),
    FOREIGN KEY (tenant_id, repository_id) REFERENCES repositories (tenant_id, repository_id) ON DELETE CASCADE
);

CREATE TABLE indexed_files (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    branch_id bigint NOT NULL,
    file_path bytea NOT NULL,  -- names of files are bytes
    blob_id bigint,  -- none when the file is skipped
    digest bytea NOT NULL,
    language text NOT NULL,
    role smallint NOT NULL,
    skip smallint NOT NULL,
    size_bytes bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    ctime_ns bigint NOT NULL,
    inode bigint NOT NULL,
    path_terms bytea NOT NULL,  -- each followed by NUL, as often as it occurs
    indexed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, repository_id, branch_id, file_path) INCLUDE (blob_id)
);
CREATE INDEX indexed_files_by_blob ON indexed_files (tenant_id, repository_id, blob_id);
CREATE INDEX indexed_files_by_time ON indexed_files (tenant_id, repository_id, branch_id, indexed_at);

CREATE TABLE blobs (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    blob_id bigint NOT NULL,
    digest bytea NOT NULL,  -- SHA-256 of the bytes
    language text NOT NULL,
    features text NOT NULL,
    encoding text NOT NULL,
    size_bytes bigint NOT NULL,
    chunk_count integer NOT NULL,
    term_count bigint NOT NULL,
    segment_id bigint NOT NULL,  -- where its postings are
    content bytea NOT NULL,  -- a zstd frame
    PRIMARY KEY (tenant_id, repository_id, blob_id),
    UNIQUE (tenant_id, repository_id, digest, language, features)
);
ALTER TABLE blobs ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE chunk_metadata (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    blob_id bigint NOT NULL,
    chunk_index integer NOT NULL,
    chunk_id uuid NOT NULL,
    start_line integer NOT NULL,
    end_line integer NOT NULL,
    byte_start integer NOT NULL,
    byte_end integer NOT NULL,
    kind smallint NOT NULL,
    term_count integer NOT NULL,
    name text NOT NULL,  -- not in the index below, because nothing bounds its length
    PRIMARY KEY (tenant_id, repository_id, blob_id, chunk_index)
        INCLUDE (chunk_id, start_line, end_line, byte_start, byte_end, kind, term_count)
);

CREATE TABLE vectors (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    blob_id bigint NOT NULL,
    chunk_index integer NOT NULL,
    model text NOT NULL,
    dense halfvec NOT NULL,
    PRIMARY KEY (tenant_id, repository_id, blob_id, chunk_index, model)
);

CREATE TABLE symbols (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    blob_id bigint NOT NULL,
    position integer NOT NULL,
    name_hash integer NOT NULL,  -- of the name with case folded: the name itself may be longer than an index takes
    name text NOT NULL,
    qualified_name text NOT NULL,
    signature text NOT NULL,
    kind smallint NOT NULL,
    chunk_index integer NOT NULL,
    line integer NOT NULL,
    start_line integer NOT NULL,
    end_line integer NOT NULL,
    byte_start integer NOT NULL,
    byte_end integer NOT NULL,
    PRIMARY KEY (tenant_id, repository_id, blob_id, position)
);
CREATE INDEX symbols_by_name ON symbols (tenant_id, repository_id, name_hash);

-- The chunks of one write, whose postings lie together. Chunks are numbered from the segment's number on.
CREATE TABLE segments (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    segment_id bigint NOT NULL,
    chunks integer NOT NULL,
    dead_chunks integer NOT NULL DEFAULT 0,  -- of blobs that were swept; their postings stay until the segment is merged
    PRIMARY KEY (tenant_id, repository_id, segment_id)
);

CREATE TABLE postings (
    tenant_id uuid NOT NULL,
    repository_id bigint NOT NULL,
    term bytea NOT NULL,
    segment_id bigint NOT NULL,
    chunks bytea NOT NULL,  -- ascending, counted from the segment's number; 2 or 4 bytes each, the least significant first
    frequencies bytea NOT NULL,  -- a byte for each chunk
    PRIMARY KEY (tenant_id, repository_id, term, segment_id)
);
CREATE INDEX postings_by_segment ON postings (tenant_id, repository_id, segment_id);

-- Who forgets to say for which tenant, sees and writes nothing. FORCE makes it hold for the owner of the tables as well.
DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['repositories', 'project_branches', 'indexed_files', 'blobs', 'chunk_metadata', 'vectors', 'symbols',
                               'segments', 'postings']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = nullif(current_setting(''codetriever.tenant'', true), '''')::uuid)', one);
    END LOOP;
END
$$;

-- The tenants themselves are seen by whoever manages them, who says so.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON tenants USING (
    tenant_id = nullif(current_setting('codetriever.tenant', true), '')::uuid
    OR current_setting('codetriever.manages_tenants', true) = 'on'
);

SET LOCAL codetriever.manages_tenants = 'on';
INSERT INTO tenants (tenant_id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'default');
