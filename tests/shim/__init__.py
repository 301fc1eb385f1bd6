"""Tests of the shims."""
