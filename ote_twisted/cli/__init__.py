"""otectl, the command for people."""
