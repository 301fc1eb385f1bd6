"""``make chaos``: ``python -m tests.functional.chaos --targets 100000``, with ``--seed`` to do the same again."""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from tests.functional.chaos.storm import Storm, Weather


def main() -> None:
    """Run it; exit code 0 when nothing was lost or done twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.functional.chaos", description=__doc__)
    parser.add_argument("--targets", type=int, default=100_000, help="targets of all tasks together (%(default)s)")
    parser.add_argument("--seed", type=int, help="of an earlier run; without, one is chosen")
    parser.add_argument("--rate", type=float, default=250.0, help="targets written per second (%(default)s)")
    parser.add_argument("--calm", type=float, default=400.0, help="targets written between two kills, on average (%(default)s)")
    parser.add_argument("--down", type=float, default=3.0, help="seconds that a killed one stays away, at most (%(default)s)")
    parser.add_argument("--dir", type=Path, help="folder for state and logs, kept; without, a temporary one")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.randrange(1_000_000)
    weather = Weather(seed, asked.targets, asked.rate, asked.calm, asked.down)
    home = asked.dir.absolute() if asked.dir else Path(tempfile.mkdtemp(prefix="ote-chaos-"))
    try:
        react(lambda reactor: Deferred.fromCoroutine(_run(weather, home, reactor)))
    finally:
        if asked.dir is None:
            shutil.rmtree(home, ignore_errors=True)


async def _run(weather: Weather, home: Path, reactor: Any) -> None:
    found = await Storm(weather, home, reactor, lambda text: print(text, flush=True)).run()
    if not found.passed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
