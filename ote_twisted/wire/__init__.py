"""Bytes on the tunnels and on the shim link. Pure: no transport, clock or logger inside."""

from __future__ import annotations

from ote_twisted.later import later

# Protobuf imports its Python implementation beside the native one: 0.8 MB that nothing uses.
with later("google.protobuf.internal.python_message"):
    from ote_twisted.wire import clustermessage_pb2 as clustermessage_pb2
