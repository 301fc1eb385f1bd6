"""B6, the store's half: durable writes per second with 1 and 64 writers against bare SQLite, and answers recorded."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.harness import Row, at_least, at_most, ratio_at_least

NAME = "B6 store: durable writes"


def run(quick: bool) -> list[Row]:
    """Measure in a process of its own, product and floor in turn."""
    seconds, rounds = ("0.4", "3") if quick else ("1.0", "7")
    command = [sys.executable, "-m", "benchmarks.store_writers", seconds, rounds]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    one, many = found["1"], found["64"]
    return [
        Row("1 writer", "durable writes/s", one[0], one[2], note="floor: bare SQLite at the same writes per transaction"),
        Row(f"64 writers, {many[1]:.0f} per group", "durable writes/s", many[0], many[2], ratio_at_least(0.6)),
        Row("64 writers over 1 writer", "times", many[0] / one[0], target=at_least(8)),
        *(Row(f"answers, {how}", "CPU µs/answer", found[how][0], target=at_most(10)) for how in ("64 in a call", "1000 in a call")),
    ]
