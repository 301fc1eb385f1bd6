"""Handshakes read and answered: from HTTP to :class:`JoinRequest`, from :class:`Admission` to HTTP. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from ote_twisted.tunnel.address import InvalidAddress, complete_advertised
from ote_twisted.values import frozen
from ote_twisted.wire.join import Accept, JoinIdentity, JoinRequest, Redirect, Refuse, Resume

BUSY_RETRY = 5.0
"""Seconds after which a child refused for lack of room may come again."""


INSTANCE: Final = re.compile(r"[0-9a-f]{32}")
NUMBER: Final = re.compile(r"[0-9]{1,18}")


@frozen
class Joining:
    """A child that may join once its handshake is complete.

    :ivar listen: where its own tunnel can be dialled, or empty.
    """

    request: JoinRequest
    accept: Accept
    listen: str


@frozen
class HTTPAnswer:
    """A refusal in HTTP; ``text`` is the body, a sentence for the person at the child."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """The complete answer, which also ends the connection."""
        body = self.text.encode("utf-8") + b"\n"
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Refused"
        fields = (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            *self.headers,
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"HTTP/1.1 {self.status} {phrase}\r\n{head}\r\n".encode("latin-1", "replace") + body


def join_request(name: str, peer: str, headers: Mapping[str, str], subprotocols: Sequence[str]) -> JoinRequest:
    """What the head of a handshake says.

    :param peer: ``host:port`` of the TCP peer.
    :param headers: by lower-case name, decoded as Latin-1.
    """
    return JoinRequest(
        name,
        _text(headers.get("name")),
        _text(headers.get("listen-addr")),
        peer,
        tuple(subprotocols),
        _instance(headers.get("ote-instance", "")),
        _number(headers.get("ote-epoch", "")),
        headers.get("ote-home") == "1",
        headers.get("ote-standby") == "1",
    )


def _instance(text: str) -> str:
    """Anything that is none counts as not told."""
    return text if INSTANCE.fullmatch(text) else ""


def _number(text: str) -> int:
    return int(text) if NUMBER.fullmatch(text) else 0


def identity_headers(identity: JoinIdentity) -> dict[str, str]:
    """The headers that tell an identity; none for one that is not told."""
    if not identity.instance:
        return {}
    flags = {"ote-home": identity.home, "ote-standby": identity.standby}
    told = {name: "1" for name, value in flags.items() if value}
    return {"ote-instance": identity.instance, "ote-epoch": str(identity.epoch), **told}


def resume_header(resume: Resume) -> str:
    """The value of ``ote-resume``."""
    return f"{resume.stream} {resume.revision}"


Upgrade = tuple[str | None, dict[str, str]]
"""The subprotocol of the 101 answer, and its headers beyond those of every handshake."""


def upgrade(accept: Accept) -> Upgrade:
    """What an accepted child is answered."""
    return accept.subprotocol, {} if accept.resume is None else {"ote-resume": resume_header(accept.resume)}


def read_resume(text: str) -> Resume | None:
    """What ``ote-resume`` says; ``None`` for nothing usable."""
    stream, _, revision = text.partition(" ")
    return Resume(stream, int(revision)) if INSTANCE.fullmatch(stream) and NUMBER.fullmatch(revision) else None


def _text(value: str | None) -> str | None:
    """Peers write UTF-8."""
    if value is None:
        return None
    try:
        return value.encode("latin-1").decode("utf-8")
    except ValueError:
        return value


def same_origin(headers: Mapping[str, str]) -> bool:
    """Only browsers send an Origin; one of another host is refused, as the original does."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").strip().lower()


def complete_join(request: JoinRequest, accept: Accept) -> Joining | HTTPAnswer:
    """An accepted child, its address completed from what we see of it (F29); refused when that address is none.

    :raise ValueError: the subprotocol was not offered, which is a fault of ours.
    """
    if accept.subprotocol is not None and accept.subprotocol not in request.subprotocols:
        raise ValueError(f"subprotocol {accept.subprotocol!r} was accepted but not offered")
    try:
        listen = complete_advertised(accept.listen, request.peer) if accept.listen else ""
    except InvalidAddress as fault:
        return HTTPAnswer(400, f"header listen-addr: {fault}")
    return Joining(request, accept, listen)


def negative_answer(admission: Refuse | Redirect, target: str) -> HTTPAnswer:
    """A refusal, or a redirect of the request for ``target``, in HTTP."""
    if isinstance(admission, Redirect):
        parts = urlsplit(target)
        location = f"//{admission.address}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return HTTPAnswer(302, f"{admission.address} leads", (("Location", location),))
    if admission.retry_after is None:
        return HTTPAnswer(admission.status, admission.reason)
    return HTTPAnswer(admission.status, admission.reason, (("Retry-After", str(-int(-admission.retry_after // 1))),))


def busy(reason: str) -> HTTPAnswer:
    """There is no room now."""
    return HTTPAnswer(503, reason, (("Retry-After", f"{BUSY_RETRY:.0f}"),))
