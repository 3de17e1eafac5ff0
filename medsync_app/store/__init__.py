"""The database: tables, the transaction and the repositories."""
