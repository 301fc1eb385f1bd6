"""Creates a task, follows it to its end, and takes it away again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ote_twisted.cli.client import GROUP, ApiClient, Unreachable
from ote_twisted.cli.errors import Refused
from ote_twisted.cli.request import Outcome, Request
from ote_twisted.storage.model import JSON

PAUSE = 0.5
"""Seconds before a watch that ended is opened again."""

HOPELESS = ("InvalidSpec", "NoClusterSelected")
"""Reasons of the condition ``Complete`` with which waiting is in vain."""

Changed = Callable[[JSON], None]
"""Is told each status of a task."""


def tasks_path(namespace: str, name: str = "") -> str:
    """Path of a namespace's tasks, or of one of them."""
    return f"{GROUP}/namespaces/{namespace}/clustercontrollers" + (f"/{name}" if name else "")


async def perform(
    client: ApiClient, clock: IReactorTime, request: Request, namespace: str, timeout: float, keep: bool, changed: Changed
) -> Outcome:
    """Create a task and wait for every cluster's answer.

    :param timeout: seconds after which waiting ends.
    :param keep: leave the object when it is over, or when the wait is cancelled.
    :raise CommandError: the controller cannot be asked.
    """
    task = await client.create(tasks_path(namespace), request.task())
    path = tasks_path(namespace, task["metadata"]["name"])
    try:
        late = await _within(timeout, follow(client, clock, task, changed), clock)
        results, _ = await client.every(f"{path}/results")
    finally:
        if not keep:
            await client.delete(path)
    return Outcome(task["metadata"]["name"], namespace, request, results, late)


async def follow(client: ApiClient, clock: IReactorTime, task: JSON, changed: Changed) -> None:
    """Watch a task until it is over, also while the controller is restarted.

    :param task: as created or read.
    :raise CommandError: it is deleted meanwhile, or the controller refuses.
    """
    collection = tasks_path(task["metadata"]["namespace"])
    while not _take(task, changed):
        try:
            watch = client.watch(collection, task["metadata"]["resourceVersion"], fieldSelector=_only(task))
            async with aclosing(watch) as events:
                async for event in events:
                    task = event["object"]
                    _require_there(event)
                    if _take(task, changed):
                        return
        except Refused as refused:
            if refused.code != 410:
                raise
            task = await client.get(f"{collection}/{task['metadata']['name']}")
        except Unreachable:
            pass
        await deferLater(clock, PAUSE, lambda: None)


def over(task: JSON) -> bool:
    """Whether nothing more is to be expected of a task."""
    for condition in (task.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Complete" and condition.get("observedGeneration") == task["metadata"].get("generation"):
            return condition["status"] == "True" or condition.get("reason") in HOPELESS
    return False


async def _within(timeout: float, following: Coroutine[Any, Any, None], clock: IReactorTime) -> bool:
    """Whether it took longer."""
    try:
        await Deferred.fromCoroutine(following).addTimeout(timeout, clock)
    except TimeoutError:
        return True
    return False


def _take(task: JSON, changed: Changed) -> bool:
    """Tell a status on; true when it is over."""
    if task.get("status"):
        changed(task["status"])
    return over(task)


def _require_there(event: JSON) -> None:
    if event["type"] == "DELETED":
        raise Refused(404, f"the task {event['object']['metadata']['name']} was deleted by somebody else")


def _only(task: JSON) -> str:
    return f"metadata.name={task['metadata']['name']}"
