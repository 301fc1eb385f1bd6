"""Autobahn's websocket classes without the rest of Autobahn.

Importing them imports WAMP, a parser of C for the native extension NVX, NVX itself, compression, and click: 6 MB and 60 ms of
every process, and no program of ours uses them. So they are kept out while Autobahn is imported here, into a copy of its own:
whoever else in the process imports Autobahn gets the whole of it. Frames that Autobahn itself masks, the rare ones, are masked
by ``websockets.speedups``, which is faster than NVX; where that is missing, Autobahn is imported as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from ote_twisted.later import Later, without_package

apply_mask: Callable[[bytes, bytes], bytes] | None
"""XOR with the repeated mask, natively; ``None`` where ``websockets`` is missing or has no native code."""
try:
    # The package itself looks its version up at import, which takes half a MB.
    apply_mask = without_package("websockets.speedups").apply_mask
except ImportError:
    apply_mask = None

_xor: Any = apply_mask
_WAMP = "autobahn.wamp.websocket"
_WAMP_TYPES = "autobahn.wamp.types"
_COMPRESS = "autobahn.websocket.compress"
_COMPRESS_CLASSES = [f"PerMessageDeflate{what}{accept}" for what in ("Offer", "Response") for accept in ("", "Accept")]
_OWN = ("autobahn", "click", "hyperlink", "_nvx_utf8validator", "_nvx_xormasker")
_WAMP_CLASSES = [f"WampWebSocket{side}{kind}" for side in ("Client", "Server") for kind in ("Factory", "Protocol")]


class TransportDetails(SimpleNamespace):
    """What Autobahn notes of a connection; its own class for this is one of WAMP's types."""

    CHANNEL_TYPE_TCP = 4
    CHANNEL_TYPE_TLS = 5
    CHANNEL_FRAMING_WEBSOCKET = 2

    def marshal(self) -> dict[str, Any]:
        """As Autobahn shows it in its debug log."""
        return vars(self)


class Masker:
    """Masks one frame, piece by piece, as Autobahn's own maskers do."""

    __slots__ = ("_at", "_mask")

    def __init__(self, mask: bytes, length: int | None = None) -> None:
        self._mask = mask
        self._at = 0

    def pointer(self) -> int:
        """How many bytes were masked."""
        return self._at

    def reset(self) -> None:
        """Begin another frame with the same mask."""
        self._at = 0

    def process(self, data: bytes) -> bytes:
        """Mask the next piece."""
        turn = self._at & 3
        self._at += len(data)
        return _xor(data, self._mask[turn:] + self._mask[:turn]) if data else b""


def _import_slim() -> Callable[[str], Any]:
    """Import without what is not used; gives the modules by name."""
    with _own_copy() as copy, _without_nvx():
        sys.modules.update(_left_out())
        import_module("autobahn.twisted.websocket")
        copy.update({name: module for name, module in sys.modules.items() if name.partition(".")[0] == "autobahn"})
    copy["autobahn.websocket.protocol"].create_xor_masker = Masker  # type: ignore[attr-defined]
    return copy.__getitem__


@contextmanager
def _own_copy() -> Iterator[dict[str, ModuleType]]:
    """What is imported of Autobahn in here is known to nobody else afterwards."""
    others = _take_autobahn()
    try:
        yield {}
    finally:
        _take_autobahn()
        sys.modules.update(others)


def _take_autobahn() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] in _OWN]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def _without_nvx() -> Iterator[None]:
    before = os.environ.get("AUTOBAHN_USE_NVX")
    os.environ["AUTOBAHN_USE_NVX"] = "0"
    try:
        yield
    finally:
        del os.environ["AUTOBAHN_USE_NVX"]
        if before is not None:
            os.environ["AUTOBAHN_USE_NVX"] = before


def _left_out() -> dict[str, Any]:
    """Stand-ins: two packages that import nothing by themselves, classes of WAMP and of compression, hyperlink when used."""
    spec = find_spec("autobahn")
    places = spec.submodule_search_locations if spec is not None else None
    left_out: dict[str, Any] = dict.fromkeys(_OWN[1:])
    left_out["hyperlink"] = Later("hyperlink")
    for name in ("twisted", "wamp"):
        package = left_out[f"autobahn.{name}"] = ModuleType(f"autobahn.{name}")
        package.__path__ = [os.path.join(place, name) for place in places or ()]
    wamp = left_out[_WAMP] = left_out["autobahn.wamp"].websocket = ModuleType(_WAMP)
    wamp.__dict__.update({name: type(name, (), {}) for name in _WAMP_CLASSES})
    left_out[_WAMP_TYPES] = ModuleType(_WAMP_TYPES)
    left_out[_WAMP_TYPES].TransportDetails = TransportDetails
    left_out[_COMPRESS] = ModuleType(_COMPRESS)
    left_out[_COMPRESS].__dict__.update({name: type(name, (), {}) for name in _COMPRESS_CLASSES})
    left_out[_COMPRESS].PERMESSAGE_COMPRESSION_EXTENSION = {}
    return left_out


def _import_autobahn() -> Callable[[str], Any]:
    """The slim copy, or, where Autobahn has changed too much for that or nothing else would mask, Autobahn as it is."""
    if apply_mask is not None:
        try:
            return _import_slim()
        except (ImportError, AttributeError):
            pass
    return import_module


if TYPE_CHECKING:
    from autobahn.twisted.websocket import (
        WebSocketClientFactory,
        WebSocketClientProtocol,
        WebSocketServerFactory,
        WebSocketServerProtocol,
    )
    from autobahn.util import encode_truncate, wildcards2patterns
    from autobahn.websocket.protocol import TrafficStats, WebSocketProtocol
    from autobahn.websocket.types import ConnectingRequest, ConnectionDeny, ConnectionRequest

    create_xor_masker = Masker
else:
    _module = _import_autobahn()
    WebSocketClientFactory = _module("autobahn.twisted.websocket").WebSocketClientFactory
    WebSocketClientProtocol = _module("autobahn.twisted.websocket").WebSocketClientProtocol
    WebSocketServerFactory = _module("autobahn.twisted.websocket").WebSocketServerFactory
    WebSocketServerProtocol = _module("autobahn.twisted.websocket").WebSocketServerProtocol
    encode_truncate = _module("autobahn.util").encode_truncate
    wildcards2patterns = _module("autobahn.util").wildcards2patterns
    TrafficStats = _module("autobahn.websocket.protocol").TrafficStats
    WebSocketProtocol = _module("autobahn.websocket.protocol").WebSocketProtocol
    create_xor_masker = _module("autobahn.websocket.protocol").create_xor_masker
    ConnectingRequest = _module("autobahn.websocket.types").ConnectingRequest
    ConnectionDeny = _module("autobahn.websocket.types").ConnectionDeny
    ConnectionRequest = _module("autobahn.websocket.types").ConnectionRequest

MASKS_NATIVELY: bool = create_xor_masker is Masker or import_module("autobahn.websocket").USES_NVX
"""Autobahn masks with native code."""

__all__ = [
    "MASKS_NATIVELY",
    "ConnectingRequest",
    "ConnectionDeny",
    "ConnectionRequest",
    "Masker",
    "TrafficStats",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketProtocol",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "apply_mask",
    "create_xor_masker",
    "encode_truncate",
    "wildcards2patterns",
]
