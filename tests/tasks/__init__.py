"""The owner of tasks, its decisions and its books."""
