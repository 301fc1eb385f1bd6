"""The search for a parent, decisions and effects."""
