"""The same measurements of other systems, on the same server: `make bench-peers`."""
