"""Benchmarks: each measures the product and a bare floor program in the same run. See docs/benchmarks.md.

A benchmark is a module ``bN.py`` in this package with ``NAME`` and ``run(quick) -> list[Row]``.
"""
