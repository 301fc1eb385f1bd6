"""Messages of the shim link, and the results of a multi task. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import orjson

from ote_twisted.tasks.model import Answer, Task
from ote_twisted.wire.clustermessage_pb2 import Cancel, ClusterMessage, ControlReq, MessageHead
from ote_twisted.wire.codec import encode
from ote_twisted.wire.messages import control_request, request_head

DESCRIBE = Task("shim", "GET", "/describe")
"""Asks a shim server what its cluster is; one that does not know this destination answers 404."""


def request(task: Task, identifier: str, cluster: str) -> bytes:
    """A ControlReq with a MessageID that the shim echoes.

    :raise MalformedMessage: a text of the task has no UTF-8 form, or it is too long for the wire.
    """
    head = request_head(ControlReq, message_id=identifier, selector=cluster, uid=task.uid, hop_limit=0)
    return control_request(head, task)


def cancel(identifier: str) -> bytes:
    """The request of that MessageID is withdrawn. For a server that chose ``ote.v2`` only."""
    return encode(ClusterMessage(Head=MessageHead(MessageID=identifier, Command=Cancel)))


def combined(answers: Sequence[Answer]) -> Answer:
    """The answer to a multi task: the worst code, and a JSON list of ``code`` and ``body``; bodies that are no text as base64."""
    results = [{"code": each.code, "body": _text(each.body)} for each in answers]
    return Answer(max((each.code for each in answers), default=200), orjson.dumps(results))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
