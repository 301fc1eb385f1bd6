"""Follows what is new in a collection, also while the controller is restarted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ote_twisted.cli.client import ApiClient, Unreachable
from ote_twisted.cli.errors import Refused
from ote_twisted.storage.model import JSON

PAUSE = 1.0
"""Seconds before a controller that went away is asked again."""

TOO_OLD = 410
"""Status of a watch that cannot go on where it ended."""

News = Callable[[Sequence[JSON]], None]


async def follow_collection(
    client: ApiClient, path: str, clock: IReactorTime, news: News, trouble: Callable[[str], None]
) -> None:
    """Tell what is in a collection and what is added or changed, each version of an object once, until cancelled.

    :param trouble: is told why nothing is heard, once for each reason.
    :raise CommandError: the controller could not be asked the first time, or refuses.
    """
    follower = _Follower(client, path, news)
    await follower.list()
    said = ""
    while True:
        try:
            await follower.watch()
            said = ""
        except Refused as refused:
            if refused.code != TOO_OLD:
                raise
            await follower.list()
        except Unreachable as fault:
            if str(fault) != said:
                trouble(said := str(fault))
        await deferLater(clock, PAUSE, lambda: None)


class _Follower:
    def __init__(self, client: ApiClient, path: str, news: News) -> None:
        self._client = client
        self._path = path
        self._news = news
        self._version = ""
        self._seen: dict[str, str] = {}

    async def list(self) -> None:
        """Tell what is there and was not told."""
        items, self._version = await self._client.every(self._path)
        before, self._seen = self._seen, {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in items}
        self._news([item for item in items if before.get(item["metadata"]["uid"]) != item["metadata"]["resourceVersion"]])

    async def watch(self) -> None:
        """Tell what comes, until the watch ends."""
        async with aclosing(self._client.watch(self._path, self._version)) as events:
            async for event in events:
                metadata = event["object"]["metadata"]
                self._version = metadata["resourceVersion"]
                if event["type"] == "DELETED":
                    self._seen.pop(metadata["uid"], None)
                else:
                    self._seen[metadata["uid"]] = metadata["resourceVersion"]
                    self._news([event["object"]])
