"""How many connections a process may have."""

from __future__ import annotations

import resource


def raise_open_files() -> int:
    """Let the process open as many files as the system's administrator allows; gives how many.

    Systems give a process 1,024 at first, for the sake of programs that use ``select``; ours do not, and a controller
    has one connection per child.
    """
    bound, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if bound != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
