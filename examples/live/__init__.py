"""A page that starts the corpus workflow and shows its steps turning green.

`python -m examples.live` serves it.
"""
