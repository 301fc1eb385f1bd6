"""Composition roots of the twistd programs."""
