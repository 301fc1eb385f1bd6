"""Whole trees in virtual time, with faults from a seed, watched by invariants: what ``otectl simulate`` runs."""
