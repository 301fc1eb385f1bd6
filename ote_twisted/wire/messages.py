"""Building the messages of the commands, and reading the bodies of tasks and answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from google.protobuf.message import DecodeError

from ote_twisted.errors import MalformedMessage
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import encode, undecodable
from ote_twisted.wire.limits import TREE_DEPTH_LIMIT

_read_task: Final[Callable[[bytes], pb.ControllerTask]] = pb.ControllerTask.FromString
_read_answer: Final[Callable[[bytes], pb.ControllerTaskResponse]] = pb.ControllerTaskResponse.FromString
_read_multi_task: Final[Callable[[bytes], pb.ControlMultiTask]] = pb.ControlMultiTask.FromString


def message(command: int, body: bytes = b"", cluster: str = "", parent: str = "") -> bytes:
    """Encode a message with a plain head, e.g. a route message or a report.

    :param cluster: name of the cluster that it comes from.
    :param parent: ``ParentClusterName``; for registrations relayed upwards.
    :raise MalformedMessage: a text has no UTF-8 form, or the message is over the limit.
    """
    try:
        head = pb.MessageHead(Command=_command(command), ClusterName=cluster, ParentClusterName=parent)
    except UnicodeEncodeError as fault:
        raise MalformedMessage(f"MessageHead: {fault}") from None
    return encode(pb.ClusterMessage(Head=head, Body=body))


def request_head(
    command: int,
    message_id: str = "",
    selector: str = "",
    parent: str = "",
    uid: str = "",
    targets: Sequence[str] = (),
    hop_limit: int = TREE_DEPTH_LIMIT,
    deadline: float = 0.0,
) -> pb.MessageHead:
    """Head of a request on its way down.

    :param message_id: name of the task's object.
    :param selector: what peers of v1 choose by; empty towards peers of v2.
    :param parent: name of the controller that owns the task.
    :param targets: resolved names, for peers of v2.
    :param hop_limit: hops that it may take; 0 for v1, where the field is left out.
    :param deadline: time left in seconds; 0 is none.
    :raise MalformedMessage: a text has no UTF-8 form.
    """
    try:
        return pb.MessageHead(
            MessageID=message_id,
            Command=_command(command),
            ClusterSelector=selector,
            ParentClusterName=parent,
            Uid=uid,
            HopLimit=hop_limit,
            DeadlineMilliseconds=max(1, round(deadline * 1000)) if deadline else 0,
            Targets=targets,
        )
    except UnicodeEncodeError as fault:
        raise MalformedMessage(f"MessageHead: {fault}") from None


def control_request(head: pb.MessageHead, task: Task) -> bytes:
    """Encode one task; the head's command becomes ``ControlReq``.

    :raise MalformedMessage: a text has no UTF-8 form, or the message is over the limit.
    """
    head.Command = pb.ControlReq
    try:
        body = pb.ControllerTask(Destination=task.destination, Method=task.method, URI=task.uri, Body=task.body)
    except UnicodeEncodeError as fault:
        raise MalformedMessage(f"ControllerTask: {fault}") from None
    return encode(pb.ClusterMessage(Head=head, Body=body.SerializeToString()))


def multi_request(head: pb.MessageHead, destination: str, method: str, uri: str, bodies: Sequence[bytes]) -> bytes:
    """Encode many calls of one method and path; nobody answers. The head's command becomes ``ControlMultiReq``.

    :raise MalformedMessage: a text has no UTF-8 form, or the message is over the limit.
    """
    head.Command = pb.ControlMultiReq
    try:
        body = pb.ControlMultiTask(Destination=destination, Method=method, URI=uri, Body=bodies)
    except UnicodeEncodeError as fault:
        raise MalformedMessage(f"ControlMultiTask: {fault}") from None
    return encode(pb.ClusterMessage(Head=head, Body=body.SerializeToString()))


def control_response(request: pb.MessageHead, cluster: str, answer: Answer, timestamp: int) -> bytes:
    """Encode the answer to a request. The request's head is echoed, unknown fields too, except what steers its way down.

    :param cluster: name of the answering cluster.
    :param timestamp: unix seconds on the answering machine's clock.
    :raise MalformedMessage: the code or the timestamp does not fit, or the message is over the limit.
    """
    head = pb.MessageHead()
    head.CopyFrom(request)
    for name in ("Targets", "WholeSubtree", "SubtreeDigest", "DeadlineMilliseconds"):
        head.ClearField(name)
    head.Command = pb.ControlResp
    head.ClusterName = cluster
    if request.HopLimit:
        head.HopLimit = TREE_DEPTH_LIMIT
    return encode(pb.ClusterMessage(Head=head, Body=_answer_body(answer, timestamp)))


def edge_report(cluster: str, reports: bytes) -> bytes:
    """Encode a report of a cluster's resources.

    :param reports: JSON ``Reports``.
    """
    return message(pb.EdgeReport, reports, cluster)


def task_of(request: pb.ClusterMessage) -> Task:
    """The task that a ``ControlReq`` carries.

    :raise MalformedMessage: another command, or an undecodable body.
    """
    head = request.Head
    _expect(head, pb.ControlReq)
    try:
        body = _read_task(request.Body)
    except DecodeError as fault:
        raise undecodable("ControlReq.Body", fault) from None
    return Task(body.Destination, body.Method, body.URI, body.Body, head.Uid)


def multi_task_of(request: pb.ClusterMessage) -> list[Task]:
    """The tasks that a ``ControlMultiReq`` carries, in order.

    :raise MalformedMessage: another command, or an undecodable body.
    """
    _expect(request.Head, pb.ControlMultiReq)
    try:
        body = _read_multi_task(request.Body)
    except DecodeError as fault:
        raise undecodable("ControlMultiReq.Body", fault) from None
    destination, method, uri = body.Destination, body.Method, body.URI
    return [Task(destination, method, uri, each, request.Head.Uid) for each in body.Body]


def answer_of(response: pb.ClusterMessage) -> tuple[Answer, int]:
    """The answer that a ``ControlResp`` carries, and its timestamp (unix seconds, the answering machine's clock).

    :raise MalformedMessage: another command, or an undecodable body (F64).
    """
    _expect(response.Head, pb.ControlResp)
    try:
        body = _read_answer(response.Body)
    except DecodeError as fault:
        raise undecodable("ControlResp.Body", fault) from None
    return Answer(body.StatusCode, body.Body, body.Truncated, body.FullLength, body.Unknown), body.Timestamp


def _command(number: int) -> pb.CommandType:
    """Commands of the future are legal, so any number goes; protobuf's type says less."""
    return number  # type: ignore[return-value]


def _expect(head: pb.MessageHead, command: pb.CommandType) -> None:
    if head.Command != command:
        raise MalformedMessage(f"MessageHead.Command: {head.Command}; {command} was expected here")


def _answer_body(answer: Answer, timestamp: int) -> bytes:
    try:
        body = pb.ControllerTaskResponse(
            Timestamp=timestamp,
            StatusCode=answer.code,
            Body=answer.body,
            Truncated=answer.truncated,
            FullLength=answer.full_length,
            Unknown=answer.unknown,
        )
    except ValueError as fault:
        raise MalformedMessage(f"ControllerTaskResponse: {fault}") from None
    return body.SerializeToString()
