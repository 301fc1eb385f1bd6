"""What to do next about one task generation. Pure: books, selection and time in; actions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ote_twisted.tasks.books import Books
from ote_twisted.tasks.model import TargetState
from ote_twisted.values import frozen


@frozen
class Open:
    """Open books for clusters that the selector chooses and that are not targets yet.

    Those that are sent at once are opened as sent, which saves a write: whoever finds them so after a crash
    sends again what has no answer.
    """

    clusters: tuple[str, ...]
    state: TargetState


@frozen
class Send:
    """Send the task to targets that are online."""

    clusters: tuple[str, ...]


@frozen
class Park:
    """Targets are offline: wait until they are told to be online."""

    clusters: tuple[str, ...]


@frozen
class Expire:
    """The deadline is over: what is unfinished stays undone, and nothing is sent any more."""


@frozen
class WaitUntil:
    """Nothing to do before this time (unix seconds), unless something happens."""

    when: float


Action = Open | Send | Park | Expire | WaitUntil


def plan(
    books: Books, selection: Iterable[str] | None, online: Callable[[str], bool], now: float, deadline: float
) -> tuple[Action, ...]:
    """Decide.

    :param books: not changed; perform the actions with its methods. Delays that are over must have been released.
    :param selection: what the selector chooses now; ``None`` when nothing can have been added since the last time.
    :param online: whether there is a way to a cluster now.
    :param now: unix seconds.
    :param deadline: unix seconds; at this time the task is over.
    """
    if now >= deadline:
        return (Expire(),)
    newcomers = {name for name in selection or () if name not in books}
    there: list[str] = []
    away: list[str] = []
    for name in sorted(books.ready | newcomers):
        (there if online(name) else away).append(name)
    release = books.next_release()
    actions = (
        Open(tuple(name for name in there if name in newcomers), TargetState.SENT),
        Open(tuple(name for name in away if name in newcomers), TargetState.PENDING),
        Send(tuple(there)),
        Park(tuple(away)),
    )
    wait = WaitUntil(deadline if release is None else min(release, deadline))
    return (*(action for action in actions if action.clusters), wait)


def select_again(now: float, chosen: int) -> float:
    """Earliest time to ask for a selection again after one at ``now`` that chose so many."""
    return now + 0.05 + chosen * 5e-6
