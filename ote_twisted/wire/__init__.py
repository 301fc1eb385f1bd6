"""Bytes on the tunnels and on the shim link. Pure: no transport, clock or logger inside."""
