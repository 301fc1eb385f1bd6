"""Sections of the options: what is logged, and bounds. Pure."""

from __future__ import annotations

from attrs import field

from ote_twisted.config import kinds
from ote_twisted.config.declare import option
from ote_twisted.errors import ConfigError
from ote_twisted.values import frozen

MAX_API_BODY = 3 * 1024**2
"""As in Kubernetes; an object of more could not be kept by its stores."""

MESSAGE = (16 * 1024**2, 64 * 1024**2)
"""Least and greatest ``limit.message``, bytes: the announcements of a large tree need the one, the wire ends at the other."""

MESSAGE_HEAD = 64 * 1024
"""What a message needs beside an answer's body, bytes at most."""

LEVELS = ("debug", "info", "warn", "error", "critical")
"""Log levels, least important first."""


@frozen
class LogConfig:
    """What is logged, and how."""

    level: str = field(
        default="info",
        metadata=option(kinds.choice(*LEVELS), "Least important level that is written. A reload (SIGHUP) applies a changed one."),
    )
    format: str = field(
        default="text",
        metadata=option(kinds.choice("text", "json"), 'Form of each line: "text" for people, "json" for collectors.'),
    )


@frozen
class LimitConfig:
    """Bounds of what arrives and of what waits. Each costs only the peer that exceeds it."""

    message: int = field(
        default=64 * 1024**2,
        metadata=option(
            kinds.SIZE,
            "Largest message that is taken from a tunnel or sent through it, from 16 MiB to 64 MiB; the link of a peer that "
            "sends more is closed. Give all controllers of a tree the same.",
        ),
    )
    queue_high: int = field(
        default=1024**2,
        metadata=option(kinds.SIZE, "Bytes waiting for one link from which on it is congested and its sources are paused."),
    )
    queue_hard: int = field(
        default=64 * 1024**2,
        metadata=option(kinds.SIZE, "Bytes waiting for one link at which it is closed as a slow reader."),
    )
    answer_body: int = field(
        default=1024**2,
        metadata=option(kinds.SIZE, "Largest body of a cluster's answer that is kept; longer ones are cut and marked."),
    )
    outbox: int = field(
        default=16 * 1024**2,
        metadata=option(
            kinds.SIZE,
            "Own answers and reports that are kept until they are confirmed; the same for those of clusters below that wait "
            "for a parent, and for what the disk refuses.",
        ),
    )
    performed: int = field(
        default=10_000,
        metadata=option(kinds.COUNT, "Performed tasks that are remembered, so that they are not performed when they come again."),
    )
    performed_bytes: int = field(
        default=64 * 1024**2,
        metadata=option(kinds.SIZE, "Their answers, on the disk; the oldest are forgotten when they take more."),
    )
    api_body: int = field(
        default=MAX_API_BODY,
        metadata=option(kinds.SIZE, "Largest body of an API request, at most 3 MiB; longer ones are answered 413."),
    )

    def __attrs_post_init__(self) -> None:
        if self.queue_high >= self.queue_hard:
            raise ConfigError(f"limit.queue_high ({self.queue_high}) must be below limit.queue_hard ({self.queue_hard})")
        low, high = MESSAGE
        if not low <= self.message <= high:
            raise ConfigError(f"limit.message ({self.message}) must be from {low} (16 MiB) to {high} (64 MiB)")
        if self.answer_body > self.message - MESSAGE_HEAD:
            room = self.message - MESSAGE_HEAD
            raise ConfigError(f"limit.answer_body ({self.answer_body}) must be at most {room}, to fit into limit.message")
        if self.api_body > MAX_API_BODY:
            raise ConfigError(f"limit.api_body ({self.api_body}) must be at most {MAX_API_BODY}")


@frozen
class ShimLimitConfig:
    """Bounds of a shim server; sizes in bytes."""

    message: int = field(
        default=64 * 1024**2,
        metadata=option(
            kinds.SIZE, "Largest message that is taken from a controller; the link of one that sends more is closed."
        ),
    )
    queue_hard: int = field(
        default=64 * 1024**2,
        metadata=option(kinds.SIZE, "Bytes waiting for one controller at which its link is closed as a slow reader."),
    )
    answer_body: int = field(
        default=1024**2,
        metadata=option(kinds.SIZE, "Largest body of an answer; longer ones are cut and marked."),
    )


@frozen
class AdmissionConfig:
    """How fast children are taken. One that comes earlier than its turn is told when to come again."""

    rate: int = field(
        default=300,
        metadata=option(kinds.COUNT, "Children that are taken each second in the long run."),
    )
    burst: int = field(
        default=300,
        metadata=option(kinds.COUNT, "Children that are taken at once after a rest."),
    )
