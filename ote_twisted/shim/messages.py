"""Messages of the shim link, and the results of a multi task. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ote_twisted.shim.tasks import encode_answer, encode_task
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.wire.clustermessage_pb2 import (
    Cancel,
    ClusterMessage,
    ControlReq,
    ControlResp,
    EdgeReport,
    MessageHead,
)

DESCRIBE = Task("shim", "GET", "/describe")
"""Asks a shim server what its cluster is; one that does not know this destination answers 404."""


def request(task: Task, identifier: str, cluster: str) -> bytes:
    """A ControlReq with a MessageID that the shim echoes."""
    head = MessageHead(MessageID=identifier, Command=ControlReq, ClusterSelector=cluster, Uid=task.uid)
    return ClusterMessage(Head=head, Body=encode_task(task)).SerializeToString()


def cancel(identifier: str) -> bytes:
    """The request of that MessageID is withdrawn. For a server that chose ``ote.v2`` only."""
    return ClusterMessage(Head=MessageHead(MessageID=identifier, Command=Cancel)).SerializeToString()


def response(head: MessageHead, answer: Answer, now: float) -> bytes:
    """A ControlResp that echoes the request's head, fields unknown to us included.

    :param now: unix seconds.
    """
    echoed = MessageHead()
    echoed.CopyFrom(head)
    echoed.Command = ControlResp
    return ClusterMessage(Head=echoed, Body=encode_answer(answer, now)).SerializeToString()


def report(cluster: str, body: bytes) -> bytes:
    """An EdgeReport of that cluster."""
    return ClusterMessage(Head=MessageHead(Command=EdgeReport, ClusterName=cluster), Body=body).SerializeToString()


def combined(answers: Sequence[Answer]) -> Answer:
    """The answer to a multi task: the first code that is no success, else 200, with a JSON list of every result."""
    code = next((each.code for each in answers if each.code >= 400), 200)
    results = [{"code": each.code, "body": each.body.decode("utf-8", "replace")} for each in answers]
    return Answer(code, json.dumps(results).encode())
