"""The answer to a dry run of a selector, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ote_twisted.cli.ages import unix_seconds
from ote_twisted.cli.errors import CommandError, WrongUsage
from ote_twisted.cli.tables import Cell, Row, Table, counted
from ote_twisted.cli.views import STYLES, state_text
from ote_twisted.storage.model import JSON


def require_valid(selector: str, review: JSON) -> None:
    """Accept a well-formed selector.

    :raise WrongUsage: it is malformed; the text shows where.
    """
    if not review["status"]["valid"]:
        raise WrongUsage(fault_text(selector, review["status"]["error"]))


def require_chosen(selector: str, review: JSON) -> None:
    """Accept a selector that chooses somebody.

    :raise CommandError: it is malformed, or nobody would perform a task.
    """
    require_valid(selector, review)
    if not review["status"]["count"]:
        raise CommandError(
            f"the selector chooses nobody, so nothing was sent: {summary(review)} `otectl tree` shows who is there."
        )


def review_table(review: JSON, now: float) -> Table:
    """Each cluster with its next hop and the terms that choose it.

    :param now: unix seconds.
    """
    own, rows = review["status"].get("controller"), review["status"]["clusters"]
    return Table(("CLUSTER", "NEXT HOP", "WHY", "STATE"), tuple(_row(row, own, now) for row in rows))


def summary(review: JSON) -> str:
    """What it comes to, in a sentence or two."""
    status = review["status"]
    skipped = sum(not row["performs"] for row in status["clusters"])
    if not status["count"]:
        text = "No cluster would perform a task."
    else:
        hops = _hops(status.get("nextHops") or {}, status.get("controller"))
        text = f"{counted(status['count'], 'cluster')} would perform a task{hops}."
    return text + (f" {counted(skipped, 'chosen cluster')} without a shim would not." if skipped else "")


def fault_text(selector: str, error: Mapping[str, Any]) -> str:
    """A malformed selector with a caret under the column of its fault."""
    column = int(error["column"])
    shown = "".join(character if character.isprintable() else " " for character in selector)
    return f"the selector is malformed at column {column}: {error['message']}\n  {shown}\n  {' ' * (column - 1)}^"


def _hops(hops: Mapping[str, int], own: str | None) -> str:
    ways = ", ".join(f"{'here' if hop == own else hop} {count}" for hop, count in hops.items() if hop)
    away = hops.get("", 0)
    return (f", by next hop: {ways}" if ways else "") + (f"; {away} when back online" if away else "")


def _row(row: JSON, own: str | None, now: float) -> Row:
    hop = "(here)" if row["name"] == own else row["nextHop"] or "-"
    kind = "online" if row["online"] else "unreachable"
    state = Cell(state_text(kind, row.get("brokenHop") or "", unix_seconds(row.get("since")), now), STYLES[kind])
    return (row["name"], hop, row["why"], state if row["performs"] else Cell("no shim", "yellow"))
