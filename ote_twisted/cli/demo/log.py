"""Where the log of a demo goes."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.logger import globalLogBeginner

from ote_twisted.observability.logging import make_observer


def log_to(file: Path, verbose: bool) -> None:
    """Write the log of all controllers to a file, and to standard error as well if it is to be seen."""
    observers = [make_observer(file.open("a", encoding="utf-8"), "text", "info")]
    if verbose:
        observers.append(make_observer(sys.stderr, "text", "info"))
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
