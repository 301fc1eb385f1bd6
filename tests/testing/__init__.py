"""Tests of what we ship for the tests of others."""
