"""``otectl demo``: a whole tree in one process."""
