"""A page that starts the corpus workflow and shows its steps turning green, and the dashboard.

`python -m examples.live` serves it.
"""
