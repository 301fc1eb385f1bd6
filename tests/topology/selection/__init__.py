"""Tests of the selector language and the index behind it."""
