"""Reading the configuration anew while the program runs: what may change is applied, what may not is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from attrs import AttrsInstance, fields
from twisted.logger import Logger

from ote_twisted.errors import ConfigError

Model = TypeVar("Model", bound=AttrsInstance)


class Reloader(Generic[Model]):
    """Holds the configuration in force.

    :param load: reads it anew; fails with ConfigError.
    :param current: the one in force at the start.
    :param live: top-level options that ``apply`` can change in a running program.
    :param apply: puts a new configuration in force.
    :ivar reloads: reloads that were applied.
    :ivar refused: reloads that were refused, the former configuration staying in force.
    """

    _log = Logger()

    def __init__(self, load: Callable[[], Model], current: Model, live: Iterable[str], apply: Callable[[Model], None]) -> None:
        self._load = load
        self.current = current
        self._live = frozenset(live)
        self._apply = apply
        self.reloads = 0
        self.refused = 0

    def reload(self) -> bool:
        """Read and apply; tell whether it was applied. A wrong file changes nothing."""
        try:
            wanted = self._load()
        except ConfigError as error:
            self.refused += 1
            self._log.error("configuration not reloaded: {error}", error=error)
            return False
        changed = changed_options(self.current, wanted)
        self._apply(wanted)
        self.current = wanted
        self.reloads += 1
        later = sorted(set(changed) - self._live)
        self._log.info("configuration reloaded; changed: {changed}", changed=", ".join(changed) or "nothing")
        if later:
            self._log.warn("these take effect at the next start: {later}", later=", ".join(later))
        return True


def changed_options(former: AttrsInstance, wanted: AttrsInstance) -> list[str]:
    """Give the names of the top-level options in which two configurations of one model differ."""
    names = [attribute.name for attribute in fields(type(former))]
    return [name for name in names if getattr(former, name) != getattr(wanted, name)]
