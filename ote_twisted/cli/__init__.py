"""``otectl``, the one command for people."""
