"""Real processes and real sockets on loopback, within bounded time."""
