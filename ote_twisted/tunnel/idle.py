"""Autobahn's options and the state of an open, idle connection, as class attributes.

What is found in the class need not be in the instance: an idle link then has five attributes instead of seventy, which
is most of the memory that it takes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ote_twisted.websocket import TrafficStats, WebSocketProtocol

LASTING = frozenset({"transport", "factory", "session", "link", "connected"})
"""What an open, idle connection keeps of its own."""


class _Quiet:
    """Autobahn's own log lines say nothing that ours do not, and cost microseconds each."""

    def __getattr__(self, name: str) -> Any:
        return self._nothing

    def _nothing(self, *arguments: object, **fields: object) -> None:
        """Log nothing."""


class _Nobody:
    """Stands for Autobahn's two Deferreds of each connection, for which nobody waits."""

    def callback(self, result: object) -> None:
        """Tell nobody."""


class IdleState:
    """Mixed in before Autobahn's classes, whose own values it hides."""

    CONFIG_ATTRS: ClassVar[tuple[str, ...]] = ()
    logOctets = False
    logFrames = False
    trackTimings = False
    trackedTimings = None
    utf8validateIncoming = False
    applyMask = True
    maxFramePayloadSize = 0
    autoFragmentSize = 0
    failByDrop = True
    echoCloseCodeReason = False
    openHandshakeTimeout = 0
    closeHandshakeTimeout = 0
    tcpNoDelay = True
    autoPingInterval = 0
    autoPingTimeout = 0
    autoPingSize = 12
    autoPingRestartOnAnyTraffic = False
    perMessageCompressionAccept = staticmethod(lambda _: None)

    state = WebSocketProtocol.STATE_OPEN
    send_state = WebSocketProtocol.SEND_STATE_GROUND
    data = b""
    current_frame: Any = None
    inside_message = False
    message_data: Any = None
    frame_data: Any = None
    control_frame_data: Any = None
    send_queue: tuple[()] = ()
    triggered = False
    trafficStats = TrafficStats()
    utf8validator = None
    websocket_version = 13
    wasMaxFramePayloadSizeExceeded = False
    wasMaxMessagePayloadSizeExceeded = False
    closedByMe = False
    failedByMe = False
    droppedByMe = False
    wasClean = False
    wasNotCleanReason: str | None = None
    wasServerConnectionDropTimeout = False
    wasOpenHandshakeTimeout = False
    wasCloseHandshakeTimeout = False
    wasServingFlashSocketPolicyFile = False
    localCloseCode: int | None = None
    localCloseReason: bytes | None = None
    remoteCloseCode: int | None = None
    remoteCloseReason: str | None = None
    serverConnectionDropTimeoutCall = None
    openHandshakeTimeoutCall = None
    closeHandshakeTimeoutCall = None
    autoPingTimeoutCall = None
    autoPingPending = None
    autoPingPendingCall = None
    autoPingPendingSeq = 0
    autoPingPendingSent = None
    _perMessageCompress = None
    is_open = is_closed = _Nobody()

    log = _Quiet()
