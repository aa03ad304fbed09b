"""Workers and executors: tasks are claimed, executed and reported."""
