"""The embedded store: one SQLite file per controller, one writer thread with group commit.

:func:`ote_twisted.storage.sqlite.opening.open_store` is the way in.
"""
