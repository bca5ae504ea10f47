-- A question about all repositories of a tenant finds a word's postings and a name's definitions in one place; the questions about one
-- repository are as quick as before. The postings of a segment tell its terms from the index alone.
ALTER TABLE postings DROP CONSTRAINT postings_pkey;
ALTER TABLE postings ADD PRIMARY KEY (tenant_id, term, repository_id, segment_id);
DROP INDEX postings_by_segment;
CREATE INDEX postings_by_segment ON postings (tenant_id, repository_id, segment_id, term);
DROP INDEX symbols_by_name;
CREATE INDEX symbols_by_name ON symbols (tenant_id, name_hash, repository_id);
