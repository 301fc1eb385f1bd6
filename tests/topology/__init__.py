"""Tests of names, selection, and routing."""
