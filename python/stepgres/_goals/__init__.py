"""Goals that a decomposer breaks down into task graphs."""
