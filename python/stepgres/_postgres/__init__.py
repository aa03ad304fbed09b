"""Connections, and calls of SQL functions over them."""
