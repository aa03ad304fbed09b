"""The client: one method per public SQL function."""
