"""Shims: what performs tasks on a cluster."""
