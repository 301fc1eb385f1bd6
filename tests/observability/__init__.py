"""Tests of metrics, health, logs and lifecycle."""
