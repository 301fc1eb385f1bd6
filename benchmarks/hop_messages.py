"""The messages that the load of B1 is made of, encoded once."""

from __future__ import annotations

from ote_twisted.wire import clustermessage_pb2 as pb

MARK = b"benchmark-task"
"""In every request and answer of the load, and in nothing else."""

_UID = "6f1c8f52-5d0c-4a8e-9a3f-0b7d3c1e2f10.1"


def request(child: str, size: int, v2: bool) -> bytes:
    """One task for ``child`` with a body of ``size`` bytes."""
    head = pb.MessageHead(MessageID=MARK.decode(), Command=pb.ControlReq, ParentClusterName="root")
    if v2:
        head.Uid, head.HopLimit, head.DeadlineMilliseconds = _UID, 64, 3_600_000
        head.Targets.append(child)
    else:
        head.ClusterSelector = child
    task = pb.ControllerTask(Destination="api", Method="PUT", URI="/api/v1/namespaces/a/configmaps/b")
    task.Body = b"x" * (size - len(task.SerializeToString()) - 3)
    return pb.ClusterMessage(Head=head, Body=task.SerializeToString()).SerializeToString()


def answer(child: str, size: int, v2: bool) -> bytes:
    """The answer of ``child`` with a body of ``size`` bytes."""
    head = pb.MessageHead(MessageID=MARK.decode(), Command=pb.ControlResp, ClusterName=child, ParentClusterName="root")
    if v2:
        head.Uid, head.HopLimit = _UID, 64
    response = pb.ControllerTaskResponse(Timestamp=1_600_000_000, StatusCode=200)
    response.Body = b"x" * (size - len(response.SerializeToString()) - 3)
    return pb.ClusterMessage(Head=head, Body=response.SerializeToString()).SerializeToString()
