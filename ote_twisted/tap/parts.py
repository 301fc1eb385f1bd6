"""Parts of a controller, made from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ote_twisted.config.model import ControllerConfig
from ote_twisted.errors import StoreError
from ote_twisted.interfaces import IApiServer, IClusterShim
from ote_twisted.shim.embedded import EmbeddedShim
from ote_twisted.shim.guard import GuardedShim, GuardLimits
from ote_twisted.shim.plugin import load_shim
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store
from ote_twisted.tunnel.settings import Limits
from ote_twisted.values import frozen

if TYPE_CHECKING:
    from ote_twisted.shim.remote import RemoteShim

TASK_SECONDS = 120.0
"""Longest time for one task at the shim, less if its deadline comes first."""

STORE = "store.sqlite"
"""File name of the store in the state folder."""


@frozen
class OwnShim:
    """A controller's shim.

    :ivar remote: the link to it, where it is in another program.
    """

    shim: GuardedShim
    remote: RemoteShim | None = None


def make_shim(config: ControllerConfig, engine: IApiServer, reactor: Any) -> OwnShim | None:
    """The shim that the configuration names.

    :raise ote_twisted.errors.ConfigError: no shim of that kind is installed.
    """
    if config.shim == "none":
        return None
    if config.shim.startswith(("ws://", "wss://")):
        from ote_twisted.shim.dial import ShimAddress  # most sites have none of this
        from ote_twisted.shim.remote import RemoteShim
        from ote_twisted.shim.websocket import LinkLimits

        address = ShimAddress.parse(config.shim)
        bounds = LinkLimits(message=config.limit.message, unsent=config.limit.queue_hard)
        remote = RemoteShim(address, address.endpoint(reactor), reactor, link_limits=bounds)
        return OwnShim(_guarded(config, remote, reactor), remote)
    if config.shim == "embedded":
        inner: IClusterShim = EmbeddedShim(engine)
    else:
        inner = load_shim(config.shim, {"state": str(config.state), "cluster": config.name, **config.shim_settings})
    return OwnShim(_guarded(config, inner, reactor))


def _guarded(config: ControllerConfig, inner: IClusterShim, reactor: Any) -> GuardedShim:
    return GuardedShim(inner, reactor, limits=GuardLimits(TASK_SECONDS, config.limit.answer_body))


def open_storage(config: ControllerConfig, reactor: Any) -> SQLiteStorage:
    """The store in the state folder, which is made if it is missing.

    :raise ote_twisted.errors.StoreError: the folder or the file is unusable.
    """
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise StoreError(f"the state folder {config.state} cannot be made: {fault.strerror}") from None
    return open_store(config.state / STORE, reactor, reactor)


def time_limits(config: ControllerConfig) -> Limits:
    """How long each phase of a link may last."""
    return Limits(
        connect=config.handshake_timeout,
        handshake=config.handshake_timeout,
        ping_interval=config.ping_interval,
        close=min(Limits().close, config.stop_timeout / 4),
    )


def own_tunnel(config: ControllerConfig) -> str:
    """``:port`` of the first TCP endpoint, for the parent to complete; empty for a leaf."""
    for text in config.tunnels:
        kind, _, rest = text.partition(":")
        port = rest.partition(":")[0]
        if kind in ("tcp", "ssl") and port.isdigit() and port != "0":
            return f":{port}"
    return ""
