"""Connections, and calls of SQL functions over these connections."""
