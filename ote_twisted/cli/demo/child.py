"""A twistd program that ends with whoever started it: ``python -m ote_twisted.cli.demo.child PARENT PROGRAM...``.

The system ends it when the process PARENT is gone, however that came about; nothing that this process does can prevent it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From ``linux/prctl.h``."""


def end_with(parent: int) -> None:
    """Have the system end this process when its parent does.

    :raise SystemExit: the parent is gone already.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise SystemExit(f"this process cannot be bound to its parent: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        raise SystemExit(f"process {parent}, which started this one, is gone")


def main() -> None:
    """Run twistd, out of reach of the Ctrl-C that is meant for the parent."""
    from twisted.scripts.twistd import run

    end_with(int(sys.argv[1]))
    os.setpgid(0, 0)
    sys.argv = ["twistd", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
