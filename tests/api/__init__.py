"""Tests of the API engine and its listener."""
