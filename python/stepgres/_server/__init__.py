"""Installing Stepgres, and servers of our own."""
