-- Parcels and who sends them.
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE
);

CREATE TABLE parcels (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL REFERENCES customers (id),
    weight_grams integer NOT NULL CHECK (weight_grams > 0),
    state text NOT NULL DEFAULT 'waiting'
);

CREATE INDEX parcels_of_customer ON parcels (customer, id DESC);

CREATE VIEW overdue_parcels AS
SELECT * FROM parcels WHERE state = 'waiting' AND created_at < now() - interval '3 days';
