"""Events as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ote_twisted.cli.ages import age, unix_seconds
from ote_twisted.cli.tables import Cell, Row, Table
from ote_twisted.storage.model import JSON

STYLES = {"Warning": "yellow"}


@frozen
class EventView:
    """One event.

    :ivar cluster: the cluster that it is about.
    :ivar first: unix seconds when it happened first; ``last`` when last; ``None`` when not known.
    :ivar count: how often it happened.
    :ivar source: the controller that tells it.
    """

    name: str
    cluster: str = ""
    kind: str = "Normal"
    reason: str = ""
    message: str = ""
    count: int = 1
    first: float | None = None
    last: float | None = None
    source: str = ""


def event_view(value: JSON) -> EventView:
    """Read an ``Event`` object; what is missing stays empty."""
    involved, source, count = value.get("involvedObject") or {}, value.get("source") or {}, value.get("count")
    first = unix_seconds(value.get("firstTimestamp")) or unix_seconds(value["metadata"].get("creationTimestamp"))
    return EventView(
        value["metadata"]["name"],
        involved.get("name") or "",
        value.get("type") or "Normal",
        value.get("reason") or "",
        " ".join((value.get("message") or "").split()),
        count if isinstance(count, int) else 1,
        first,
        unix_seconds(value.get("lastTimestamp")) or first,
        source.get("host") or value.get("reportingInstance") or "",
    )


def about(value: JSON, clusters: Iterable[str], warnings: bool) -> bool:
    """Whether an event is about a cluster, one of those if any are named, and a warning if only those are wanted."""
    view, names = event_view(value), set(clusters)
    involved = (value.get("involvedObject") or {}).get("kind") == "Cluster"
    return involved and (not names or view.cluster in names) and (not warnings or view.kind == "Warning")


def in_order(values: Iterable[JSON]) -> list[JSON]:
    """Events by the time when each happened last."""
    return sorted(values, key=lambda value: (event_view(value).last or 0.0, value["metadata"]["name"]))


def events_table(views: Iterable[EventView], now: float, wide: bool = False) -> Table:
    """Events as kubectl shows them.

    :param now: unix seconds.
    :param wide: with number, first time and who tells it.
    """
    columns = ("LAST SEEN", "TYPE", "REASON", "CLUSTER", "MESSAGE")
    more = ("COUNT", "FIRST SEEN", "SOURCE")
    return Table((*columns, *more) if wide else columns, tuple(_row(view, now, wide) for view in views), frozenset({"COUNT"}))


def event_line(view: EventView, now: float) -> str:
    """An event as one line, for following."""
    times = f" ({view.count} times)" if view.count > 1 else ""
    return f"{_ago(view.last, now):<6} {view.kind:<8} {view.reason:<20} {view.cluster}: {view.message}{times}"


def _row(view: EventView, now: float, wide: bool) -> Row:
    row: list[str | Cell] = [
        _ago(view.last, now),
        Cell(view.kind, STYLES.get(view.kind, "")),
        view.reason,
        view.cluster,
        view.message,
    ]
    return [*row, str(view.count), _ago(view.first, now), view.source or "-"] if wide else row


def _ago(moment: float | None, now: float) -> str:
    return "-" if moment is None else age(now - moment)
