"""Workers and executors claim tasks, execute the tasks and report the results."""
