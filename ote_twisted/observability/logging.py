"""Where log events go: lines for people or JSON lines for collectors, by level, without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from twisted.application.service import MultiService
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.components import Componentized
from zope.interface import implementer

from ote_twisted.observability.scrub import HIDDEN, names_secret, scrub

_PRIVATE = frozenset({"format", "message", "time", "system", "isError", "failure", "why", "printed", "logLevel"})


class Stream(Protocol):
    """Where lines are written."""

    def write(self, text: str, /) -> object:
        """Take one or more whole lines."""

    def flush(self) -> object:
        """Give them on."""


@implementer(ILogObserver)
class LineObserver:
    """Writes each event of the chosen level or above as one line, and counts all events by level.

    :ivar counts: level name to the number of events, those below the level included.
    :param level: name of the least important level that is written.
    """

    def __init__(self, stream: Stream, render: Callable[[LogEvent], str], level: str) -> None:
        self._stream = stream
        self._render = render
        self.counts = {constant.name: 0 for constant in LogLevel.iterconstants()}
        self.set_level(level)

    def set_level(self, level: str) -> None:
        """Change at run time what is written.

        :raise twisted.logger.InvalidLogLevelError: there is no such level.
        """
        self._level = LogLevel.levelWithName(level)

    def __call__(self, event: LogEvent) -> None:
        """Take one event. A stream that fails loses the line, never the program."""
        level = event.get("log_level", LogLevel.info)
        self.counts[level.name] += 1
        if level < self._level:
            return
        line = self._render(event)
        if line:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                pass


def make_observer(stream: Stream, form: str, level: str) -> LineObserver:
    """Give the observer for a form, ``text`` or ``json``."""
    return LineObserver(stream, {"text": text_line, "json": json_line}[form], level)


def text_line(event: LogEvent) -> str:
    """Give an event as a line for people: time, level, origin, message; a traceback follows on lines of its own."""
    message = _message(event)
    if not message:
        return ""
    origin = event.get("log_namespace") or event.get("log_system") or "-"
    return f"{_time(event)} {_level(event):<8} {origin}: {message.rstrip()}"


def json_line(event: LogEvent) -> str:
    """Give an event as one JSON object: time, level, logger, message, and the named fields beside."""
    message = scrub(formatEvent(event))
    failure = event.get("log_failure")
    if not message and failure is None:
        return ""
    line: dict[str, Any] = dict(_fields(event))
    line.update(time=_time(event), level=_level(event), logger=event.get("log_namespace", "-"), message=message)
    if failure is not None:
        line["traceback"] = scrub(_traceback(failure))
    return json.dumps(line, ensure_ascii=False, default=_plain, skipkeys=True)


def _message(event: LogEvent) -> str:
    message = formatEvent(event)
    failure = event.get("log_failure")
    return scrub(message if failure is None else f"{message}\n{_traceback(failure)}")


def _traceback(failure: Any) -> str:
    try:
        text: str = failure.getTraceback()
        return text
    except Exception:
        return f"{type(failure).__name__} without a traceback"


def _time(event: LogEvent) -> str:
    return datetime.fromtimestamp(event.get("log_time", 0), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(event: LogEvent) -> str:
    name: str = event.get("log_level", LogLevel.info).name
    return name


def _fields(event: LogEvent) -> Iterator[tuple[str, object]]:
    for name, value in event.items():
        if name.startswith("log_") or name in _PRIVATE:
            continue
        yield name, HIDDEN if names_secret(name) else value if isinstance(value, int | float | None) else scrub(_plain(value))


def _plain(value: object) -> str:
    try:
        return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    except Exception:
        return f"<{type(value).__name__}>"


class LoggedService(MultiService):
    """The root service of a program that brings its own log observer: twistd asks the application for it."""

    def __init__(self, observer: LineObserver) -> None:
        super().__init__()
        self._observer = observer

    def setServiceParent(self, parent: Any) -> None:
        """Join the application and become the place where its log goes."""
        if isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)
