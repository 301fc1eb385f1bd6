"""B6, the store's half: durable writes per second with 1 and 64 writers against bare SQLite, and answers recorded."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.harness import Row, at_least, at_most, ratio_at_least

NAME = "B6 store: durable writes"


def run(quick: bool) -> list[Row]:
    """Measure in a process of its own, product and floor in turn."""
    seconds, rounds = ("0.3", "5") if quick else ("0.5", "15")
    command = [sys.executable, "-m", "benchmarks.store_writers", seconds, rounds]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    one, many = found["1"], found["64"]
    return [
        Row("1 writer", "durable writes/s", one[0], one[2], note="floor: bare SQLite at the same writes per transaction"),
        Row("64 writers", "durable writes/s", many[0], many[2], ratio_at_least(0.6), f"64 writers share {many[1]:.0f} at a time"),
        Row("64 writers over 1 writer", "times", found["times"][0], target=at_least(8)),
        Row("answers, 64 in a call", "CPU µs/answer", found["64 in a call"][0], target=at_most(10)),
        Row("answers, 1000 in a call", "CPU µs/answer", found["1000 in a call"][0], target=at_most(10)),
    ]
