"""The dashboard: pages and a JSON API over the functions of the client."""
