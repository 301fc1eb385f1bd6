"""The knobs of the search for a parent, as a frozen value. Pure."""

from __future__ import annotations

from ote_twisted.values import frozen


@frozen
class FailoverSettings:
    """How parents are looked for; times in seconds.

    :ivar learn: parents that others told of are used, not the configured ones alone.
    :ivar settle: how long a better parent must have had a way to the root before it is gone back to.
    :ivar settle_cap: ``settle`` doubles, up to this, each time such a parent ends again within ``relapse`` of a return.
    :ivar relapse: see there.
    :ivar attempt: an attempt is given up after that long while there are others to try; each time it proves too short for
        an address, that address gets twice as long.
    :ivar attempt_cap: an attempt that may take this long is not limited at all beyond its phases.
    :ivar delay_base: mean of twice the first delay after a failure.
    :ivar delay_cap: upper bound of any delay of our own choice.
    :ivar settled: a link that lasted that long is good: its end starts with short delays, at the same parent.
    :ivar max_redirects: redirects followed one after another (F28).
    :ivar max_retry_after: upper bound of what a parent may ask us to wait.
    :ivar linger: how long at least, and at most, an old link stays after another began to carry.
    """

    learn: bool = True
    settle: float = 10.0
    settle_cap: float = 300.0
    relapse: float = 300.0
    attempt: float = 3.0
    attempt_cap: float = 20.0
    delay_base: float = 0.5
    delay_cap: float = 30.0
    settled: float = 10.0
    max_redirects: int = 5
    max_retry_after: float = 300.0
    linger: tuple[float, float] = (1.0, 5.0)
