"""Fakes, contract tests and builders, shipped for writers of shims and stores."""
