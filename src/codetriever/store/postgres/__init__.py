"""The store in PostgreSQL: many repositories of many tenants in one database."""
