"""Tests of the wire: bytes in, values out, and back."""
