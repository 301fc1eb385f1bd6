"""The phases of the search for a parent, and what leads from one to another. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Phase(Enum):
    """Where the search stands."""

    STOPPED = "stopped"
    WAITING = "waiting"
    """There is no parent; nobody may be dialled yet, or nobody is known."""
    DIALLING = "dialling"
    """There is no parent; an attempt is under way."""
    HOME = "home"
    """A link carries, and there is nothing better to look for."""
    AWAY = "away"
    """A link carries; a better parent is looked for."""
    PROBING = "probing"
    """A link carries; an attempt at a better parent is under way."""
    TRIAL = "trial"
    """A link carries; that to a better parent stands by."""


TRANSITIONS: Final[dict[tuple[Phase, Phase], str]] = {
    (Phase.STOPPED, Phase.WAITING): "start",
    (Phase.WAITING, Phase.DIALLING): "a candidate may be dialled",
    (Phase.DIALLING, Phase.WAITING): "refused, or given up",
    (Phase.DIALLING, Phase.HOME): "linked to the best there is",
    (Phase.DIALLING, Phase.AWAY): "linked, but not to the preferred parent",
    (Phase.HOME, Phase.AWAY): "the parent has had no way to the root for a while",
    (Phase.HOME, Phase.WAITING): "the link is lost",
    (Phase.AWAY, Phase.WAITING): "the link is lost",
    (Phase.AWAY, Phase.HOME): "the parent has a way again, or is the preferred one by another address",
    (Phase.AWAY, Phase.PROBING): "a better one may be dialled",
    (Phase.PROBING, Phase.AWAY): "refused, or an original took us",
    (Phase.PROBING, Phase.HOME): "no longer needed, or an original took us",
    (Phase.PROBING, Phase.TRIAL): "a standby link is there",
    (Phase.PROBING, Phase.WAITING): "the link that carried is lost",
    (Phase.TRIAL, Phase.HOME): "it carries now, or is no longer needed",
    (Phase.TRIAL, Phase.AWAY): "it was lost or no good; or it carries, and is not the best either",
    (Phase.TRIAL, Phase.WAITING): "the link that carried is lost, and the other is no good",
    **{(phase, Phase.STOPPED): "stop" for phase in Phase if phase is not Phase.STOPPED},
}
"""From and to, with what happened."""
