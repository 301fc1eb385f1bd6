"""Progress of a task: a bar on a terminal, lines elsewhere, always on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ote_twisted.cli.request import progress_text
from ote_twisted.cli.screen import Screen
from ote_twisted.storage.model import JSON

Changed = Callable[[JSON], None]


@contextmanager
def progress(screen: Screen) -> Iterator[Changed]:
    """Give what is to be told each status; it is shown while the context lasts."""
    if screen.progress_visible:
        with _bar(screen) as changed:
            yield changed
    else:
        yield _lines(screen)


def _lines(screen: Screen) -> Changed:
    last = [""]

    def changed(status: JSON) -> None:
        text = progress_text(status)
        if text != last[0]:
            last[0] = text
            screen.note(text)

    return changed


@contextmanager
def _bar(screen: Screen) -> Iterator[Changed]:
    from rich.progress import BarColumn, Progress, TextColumn

    bar = Progress(
        BarColumn(), TextColumn("{task.description}"), console=screen.console(err=True), transient=True, auto_refresh=False
    )
    task = bar.add_task("sending", total=None)

    def changed(status: JSON) -> None:
        answered = status.get("succeeded", 0) + status.get("failed", 0) + status.get("expired", 0)
        bar.update(task, completed=answered, total=status.get("selected", 0), description=progress_text(status), refresh=True)

    with bar:
        bar.refresh()
        yield changed
