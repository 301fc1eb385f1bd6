"""Websocket links between a child and its parent."""
