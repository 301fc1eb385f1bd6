"""Kinds of shims, third parties' included, found as twisted plugins."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import Attribute, Interface, implementer
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from ote_twisted.errors import ConfigError
from ote_twisted.interfaces import IClusterShim
from ote_twisted.values import frozen


class IShimMaker(Interface):
    """One kind of shim. A package offers it by an instance in a module of ``twisted/plugins/``."""

    kind: str = Attribute("The name that people write after ``--kind`` or ``--shim``.")
    description: str = Attribute("One line for people.")

    def make(settings: Mapping[str, str]) -> IClusterShim:
        """A shim that is not started, made without side effects.

        :param settings: ``state``, the program's folder, and ``cluster``, the cluster's name where it is known.
        :raise ConfigError: a setting is unknown, missing or unusable.
        """


@implementer(IPlugin, IShimMaker)
@frozen
class ShimMaker:
    """A kind whose module is imported only when it is used.

    :ivar target: dotted name of a callable that takes the settings and gives the shim.
    """

    kind: str
    description: str
    target: str

    def make(self, settings: Mapping[str, str]) -> IClusterShim:
        """See :meth:`IShimMaker.make`."""
        shim: IClusterShim = namedAny(self.target)(settings)
        return shim


def shim_kinds() -> dict[str, IShimMaker]:
    """Every installed kind by its name; of two with one name, the first found."""
    found: dict[str, IShimMaker] = {}
    for maker in getPlugins(IShimMaker):
        found.setdefault(maker.kind, maker)
    return found


def load_shim(kind: str, settings: Mapping[str, str], kinds: Mapping[str, IShimMaker] | None = None) -> IClusterShim:
    """A shim of an installed kind.

    :param kinds: instead of what is installed.
    :raise ConfigError: nobody offers the kind, it cannot be loaded, or what it makes is no shim.
    """
    known = shim_kinds() if kinds is None else kinds
    if kind not in known:
        offered = ", ".join(sorted(known)) or "none"
        raise ConfigError(f"no shim of kind {kind!r} is installed; installed kinds: {offered}")
    try:
        shim = known[kind].make(settings)
        verifyObject(IClusterShim, shim)
    except Invalid as error:
        raise ConfigError(f"shim kind {kind!r} made something that is no shim: {error}") from error
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"shim kind {kind!r} cannot be loaded: {error}") from error
    return shim
