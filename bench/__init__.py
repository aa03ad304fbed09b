"""Benchmarks of what a user gets: `make bench`, and beside other systems: `make bench-peers`."""
