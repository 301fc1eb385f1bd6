"""Tasks and answers as they travel on the wire, and the name of the object that a task is about. Pure."""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError

from ote_twisted.errors import MalformedMessage
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.wire.clustermessage_pb2 import ControllerTask, ControllerTaskResponse, ControlMultiTask

_OF_NAMESPACE_ITSELF = frozenset({"status", "finalize"})


def encode_task(task: Task) -> bytes:
    """Body of a ControlReq."""
    return ControllerTask(Destination=task.destination, Method=task.method, URI=task.uri, Body=task.body).SerializeToString()


def decode_task(body: bytes, uid: str = "") -> Task:
    """The task in the body of a ControlReq.

    :param uid: the message head's ``Uid``.
    :raise MalformedMessage: the bytes are no ControllerTask.
    """
    wire = ControllerTask()
    _parse(wire, body, "ControllerTask")
    return Task(wire.Destination, wire.Method, wire.URI, wire.Body, uid)


def decode_multi_task(body: bytes, uid: str = "") -> tuple[Task, ...]:
    """The tasks in the body of a ControlMultiReq: one for each of its bodies, in order.

    :raise MalformedMessage: the bytes are no ControlMultiTask.
    """
    wire = ControlMultiTask()
    _parse(wire, body, "ControlMultiTask")
    return tuple(Task(wire.Destination, wire.Method, wire.URI, each, uid) for each in wire.Body)


def encode_answer(answer: Answer, now: float) -> bytes:
    """Body of a ControlResp.

    :param now: unix seconds.
    """
    return ControllerTaskResponse(
        Timestamp=int(now),
        StatusCode=answer.code,
        Body=answer.body,
        Truncated=answer.truncated,
        FullLength=answer.full_length,
    ).SerializeToString()


def decode_answer(body: bytes) -> tuple[Answer, int]:
    """The answer in the body of a ControlResp, with the answering machine's unix time. Any code is taken, even 0.

    :raise MalformedMessage: the bytes are no ControllerTaskResponse.
    """
    wire = ControllerTaskResponse()
    _parse(wire, body, "ControllerTaskResponse")
    return Answer(wire.StatusCode, wire.Body, wire.Truncated, wire.FullLength), wire.Timestamp


def _parse(wire: ControllerTask | ControllerTaskResponse | ControlMultiTask, body: bytes, name: str) -> None:
    try:
        wire.ParseFromString(body)
    except DecodeError as error:
        raise MalformedMessage(f"the body is no {name}: {error}") from error


def object_key(task: Task) -> tuple[str, str]:
    """Destination and path of the object that a task is about. Tasks with equal keys take effect in the order given.

    Queries and subresources belong to their object, and a creation belongs to the object that it creates.
    """
    path = task.uri.partition("?")[0].rstrip("/")
    if task.method == "POST" and (name := _named(task.body)):
        path = f"{path}/{name}"
    if task.destination == "api":
        path = _object_path(path)
    return task.destination, path


def _named(body: bytes) -> str:
    try:
        name = json.loads(body)["metadata"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def _object_path(path: str) -> str:
    parts = path.split("/")
    start = {"api": 3, "apis": 4}.get(parts[1] if len(parts) > 1 else "", len(parts))
    rest = parts[start:]
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in _OF_NAMESPACE_ITSELF:
        start += 2
    return "/".join(parts[: start + 2])
