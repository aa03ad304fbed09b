"""Workflows that do real work; each is run with `python -m examples.NAME`."""
