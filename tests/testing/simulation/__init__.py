"""Tests of simulated trees."""
