"""The options of every program, declared once: flags, files, manual and examples are made from these classes. Pure."""

from __future__ import annotations

from pathlib import Path

from attrs import Factory, field

from ote_twisted.config import kinds
from ote_twisted.config.declare import Shape, option, section
from ote_twisted.config.sections import AdmissionConfig, LimitConfig, LogConfig, ShimLimitConfig
from ote_twisted.values import frozen

_LOG = section("What is logged, and how.")
_SETTLE = option(kinds.DURATION, "How long a more preferred parent must have been good before it is gone back to.")
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
    failover: bool = field(
        default=True,
        metadata=option(kinds.SWITCH, "While no configured parent can be joined, join another one that the tree told of."),
    )
    settle: float = field(default=10.0, metadata=_SETTLE)
    attempt_timeout: float = field(
        default=3.0,
        metadata=option(kinds.DURATION, "Time for an attempt at a parent while there are others to try; more for slow ones."),
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
