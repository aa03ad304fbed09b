"""The version of Stepgres: the Python package and the SQL that it installs share this number."""

__version__ = "0.2.0"
