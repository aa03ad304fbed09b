"""Reads a folder of text files in parallel and reports its size and its vocabulary.

    python -m examples.corpus [FOLDER]

`workflow.py` is what to read first: the steps, and what each of them depends on.
"""
