"""Install Stepgres, and run private PostgreSQL servers."""
