"""The options of every program, declared once: flags, files, manual and examples are made from these classes. Pure."""

from __future__ import annotations

from pathlib import Path

from attrs import Factory, field, frozen

from ote_twisted.config import kinds
from ote_twisted.config.declare import Shape, option, section
from ote_twisted.errors import ConfigError

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


_LOG = section("What is logged, and how.")
_STOP = option(kinds.DURATION, "Time for answering what is under way after SIGTERM; what remains then is cut off.")


@frozen
class ControllerConfig:
    """Everything that a cluster controller can be told."""

    name: str = field(
        metadata=option(kinds.NAME, "Name of this cluster, unique in the tree; tasks address it by this name.", example='"bj-1"')
    )
    user_defined_name: str | None = field(
        default=None,
        metadata=option(kinds.TEXT, "A name for people, shown beside the cluster's name.", example='"Beijing, first floor"'),
    )
    parents: tuple[str, ...] = field(
        default=(),
        metadata=option(
            kinds.WEBSOCKET_URL,
            "Tunnel addresses of the controllers to join, in order of preference. Without any this controller is a root.",
            Shape.LIST,
            flag="parent",
            example='["ws://127.0.0.1:8287"]',
        ),
    )
    tunnels: tuple[str, ...] = field(
        default=(),
        metadata=option(
            kinds.ENDPOINT,
            "Endpoints on which children may join. Without any this controller is a leaf.",
            Shape.LIST,
            flag="tunnel",
            example='["tcp:8287:interface=127.0.0.1"]',
        ),
    )
    advertise: str | None = field(
        default=None,
        metadata=option(
            kinds.HOST_PORT,
            "Address under which others reach our tunnel, told to the tree, where it is not the address we dial from.",
            example='"edge7.example:8287"',
        ),
    )
    proxy: str | None = field(
        default=None,
        repr=False,
        metadata=option(
            kinds.PROXY_URL,
            "HTTP proxy through which parents are dialled with CONNECT. Proxy variables of the environment are not looked at.",
            example='"http://proxy.example:3128"',
        ),
    )
    api: str | None = field(
        default=None,
        metadata=option(
            kinds.ENDPOINT,
            "Endpoint of the API, health checks and metrics. Without it none is served.",
            example='"tcp:8288:interface=127.0.0.1"',
        ),
    )
    state: Path = field(
        default=Factory(lambda self: Path("ote-state") / self.name, takes_self=True),
        metadata=option(
            kinds.PATH,
            "Folder that holds the object store and everything that outlives the process; made if it is missing. "
            "A relative path starts at the folder where the program runs.",
            example='"/var/lib/ote-twisted"',
            default_text="ote-state/NAME",
        ),
    )
    shim: str = field(
        default="embedded",
        metadata=option(
            kinds.SHIM,
            'What performs tasks here: "embedded" (a cluster inside this process), "none", '
            "the websocket address of a shim server, or the name of an installed third-party shim.",
        ),
    )
    shim_settings: dict[str, str] = field(
        factory=dict,
        metadata=option(
            kinds.TEXT,
            "Settings of a third-party shim, as its own documentation names them.",
            Shape.TABLE,
            flag="shim-setting",
            example='{ folder = "/srv/files" }',
        ),
    )
    labels: dict[str, str] = field(
        factory=dict,
        metadata=option(
            kinds.LABEL_VALUE,
            "Labels of this cluster, for selectors such as [region=north]. A reload (SIGHUP) applies changed ones.",
            Shape.TABLE,
            flag="label",
            example='{ region = "north", tier = "site" }',
        ),
    )
    tags: tuple[str, ...] = field(
        default=(),
        metadata=option(
            kinds.TAG,
            "Tags of this cluster, matched by patterns like names are. A reload (SIGHUP) applies changed ones.",
            Shape.LIST,
            flag="tag",
            example='["camera"]',
        ),
    )
    task_deadline: float = field(
        default=3600.0,
        metadata=option(
            kinds.DURATION, "How long a task is tried, and given to clusters that join late, where it names no deadline."
        ),
    )
    status_interval: float = field(
        default=30.0,
        metadata=option(
            kinds.DURATION,
            "How often the shim is asked for capacity, nodes and version of its cluster; only what changed is told to the tree. "
            "0 asks only when the shim becomes ready.",
        ),
    )
    forget_after: float = field(
        default=0.0,
        metadata=option(
            kinds.DURATION,
            "How long the object of a cluster that cannot be reached is kept before it is removed; 0 keeps it until a user "
            "deletes it. A cluster that comes back later is known again, without labels that users had put on its object.",
        ),
    )
    ping_interval: float = field(
        default=5.0,
        metadata=option(kinds.DURATION, "Idle time of a tunnel before the peer is pinged. Three unanswered pings end the link."),
    )
    handshake_timeout: float = field(
        default=10.0,
        metadata=option(kinds.DURATION, "Time for each phase of joining: connect, TLS, websocket handshake, registration."),
    )
    stop_timeout: float = field(default=10.0, metadata=_STOP)
    log: LogConfig = field(factory=LogConfig, metadata=_LOG)
    admission: AdmissionConfig = field(
        factory=AdmissionConfig, metadata=section("How fast children are taken when many come at once.")
    )
    limit: LimitConfig = field(factory=LimitConfig, metadata=section("Bounds; sizes in bytes."))


@frozen
class ShimConfig:
    """Everything that a shim server can be told."""

    kind: str = field(
        default="embedded",
        metadata=option(kinds.SHIM, 'What performs tasks: "embedded", or the name of an installed third-party shim.'),
    )
    settings: dict[str, str] = field(
        factory=dict,
        metadata=option(
            kinds.TEXT,
            "Settings of a third-party shim, as its own documentation names them.",
            Shape.TABLE,
            flag="set",
            example='{ folder = "/srv/files" }',
        ),
    )
    cluster: str = field(
        default="shim",
        metadata=option(kinds.TEXT, "Name of the cluster that is served, where the shim itself needs one."),
    )
    listen: tuple[str, ...] = field(
        default=("tcp:8262:interface=127.0.0.1",),
        metadata=option(kinds.ENDPOINT, "Endpoints on which controllers may connect.", Shape.LIST),
    )
    state: Path = field(
        default=Path("ote-state") / "shim",
        metadata=option(kinds.PATH, "Folder for what the shim keeps; made if it is missing.", default_text="ote-state/shim"),
    )
    concurrency: int = field(
        default=64,
        metadata=option(kinds.COUNT, "Requests performed at the same time, of all controllers together; more wait in order."),
    )
    api: str | None = field(
        default=None,
        metadata=option(
            kinds.ENDPOINT,
            "Endpoint of health checks and metrics. Without it none is served.",
            example='"tcp:8263:interface=127.0.0.1"',
        ),
    )
    stop_timeout: float = field(default=10.0, metadata=_STOP)
    log: LogConfig = field(factory=LogConfig, metadata=_LOG)
    limit: ShimLimitConfig = field(factory=ShimLimitConfig, metadata=section("Bounds; sizes in bytes."))
