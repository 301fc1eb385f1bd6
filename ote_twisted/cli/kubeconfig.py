"""Which controller to talk to: kubeconfig files, as kubectl understands them."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from attrs import field, frozen

from ote_twisted.cli.errors import CommandError, WrongUsage

NAMESPACE = "kube-system"
"""Where the tree's objects live unless a context says otherwise."""

_ADVICE = "start a tree with `otectl demo`, or give --kubeconfig FILE or --server URL"


@frozen
class Server:
    """A controller's API and how to speak to it.

    :ivar url: without a slash at its end.
    :ivar name: the context's name, for people; empty for ``--server``.
    :ivar authority: PEM of the CA that signed the server's certificate.
    :ivar certificate: PEM of the client's certificate; ``key`` belongs to it.
    """

    url: str
    name: str = ""
    namespace: str = NAMESPACE
    authority: bytes | None = field(default=None, repr=False)
    insecure: bool = False
    token: str = field(default="", repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)


@frozen
class Entry:
    """One named part of a kubeconfig.

    :ivar folder: where relative paths in it start.
    """

    value: Mapping[str, Any]
    folder: Path


@frozen
class Kubeconfig:
    """One or several kubeconfig files read as one; the first file that says something wins."""

    current: str
    contexts: Mapping[str, Entry]
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]


def find_server(kubeconfig: str | None, context: str | None, server: str | None) -> Server:
    """The controller that the options choose.

    :raise CommandError: none, or something is wrong with what was found.
    """
    if server:
        if context:
            raise WrongUsage("--server and --context exclude each other; give one of them")
        return Server(_checked_url(server, "--server"))
    return server_of(read_kubeconfig(_paths(kubeconfig)), context)


def context_names(kubeconfig: str | None) -> list[str]:
    """Contexts to choose from; none when no kubeconfig can be read."""
    try:
        return list(read_kubeconfig(_paths(kubeconfig)).contexts)
    except CommandError:
        return []


def read_kubeconfig(paths: Iterable[Path]) -> Kubeconfig:
    """Read the files that exist.

    :raise CommandError: none exists, or one is unreadable or no kubeconfig.
    """
    paths = list(paths)
    documents = [(path, _document(path)) for path in paths if path.exists()]
    if not documents:
        raise CommandError(f"no kubeconfig at {' or '.join(map(str, paths))}; {_ADVICE}")
    currents = [document.get("current-context") for _, document in documents]
    return Kubeconfig(
        next((name for name in currents if isinstance(name, str) and name), ""),
        _merged(documents, "contexts", "context"),
        _merged(documents, "clusters", "cluster"),
        _merged(documents, "users", "user"),
    )


def server_of(config: Kubeconfig, context: str | None) -> Server:
    """The server of a context, the current one when none is named.

    :raise CommandError: there is no such context, or it is incomplete.
    """
    name = context or config.current
    if not name:
        raise CommandError(f"the kubeconfig has no current context; choose one with --context: {_listed(config.contexts)}")
    if name not in config.contexts:
        raise CommandError(f"the kubeconfig has no context {name!r}; it has: {_listed(config.contexts)}")
    chosen = config.contexts[name].value
    cluster = config.clusters.get(str(chosen.get("cluster")))
    if cluster is None:
        raise CommandError(f"context {name!r} names cluster {chosen.get('cluster')!r}, which the kubeconfig does not have")
    user = config.users.get(str(chosen.get("user")), Entry({}, Path()))
    return _server(name, chosen, cluster, user)


def written(servers: Mapping[str, str], current: str, namespace: str = NAMESPACE) -> str:
    """The text of a kubeconfig with one context for each name.

    :param servers: name to URL.
    """
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": current,
            "clusters": [{"name": name, "cluster": {"server": url}} for name, url in servers.items()],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": "anonymous", "namespace": namespace}} for name in servers
            ],
            "users": [{"name": "anonymous", "user": {}}],
        },
        sort_keys=False,
    )


def _paths(kubeconfig: str | None) -> list[Path]:
    if kubeconfig:
        return [Path(kubeconfig)]
    named = [Path(text) for text in os.environ.get("KUBECONFIG", "").split(os.pathsep) if text]
    return named or [Path.home() / ".kube" / "config"]


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_bytes())
    except OSError as fault:
        raise CommandError(f"the kubeconfig {path} cannot be read: {fault.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CommandError(f"{path} is no kubeconfig: it is not YAML") from None
    if not isinstance(document, dict):
        raise CommandError(f"{path} is no kubeconfig: it has no current-context, contexts and clusters")
    return document


def _merged(documents: list[tuple[Path, Mapping[str, Any]]], plural: str, singular: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for path, document in documents:
        for item in document.get(plural) or ():
            if isinstance(item, dict) and isinstance(item.get(singular), dict):
                entries.setdefault(str(item.get("name")), Entry(item[singular], path.parent))
    return entries


def _server(name: str, chosen: Mapping[str, Any], cluster: Entry, user: Entry) -> Server:
    for unknown in ("exec", "auth-provider", "username"):
        if unknown in user.value:
            raise CommandError(f"context {name!r}: otectl takes a token or a client certificate, not {unknown!r} of a user")
    return Server(
        _checked_url(str(cluster.value.get("server", "")), f"context {name!r}"),
        name,
        str(chosen.get("namespace") or NAMESPACE),
        _content(cluster, "certificate-authority"),
        cluster.value.get("insecure-skip-tls-verify") is True,
        _token(user),
        _content(user, "client-certificate"),
        _content(user, "client-key"),
    )


def _token(user: Entry) -> str:
    if "token" in user.value:
        return str(user.value["token"])
    file = user.value.get("tokenFile")
    return _read(user.folder / str(file)).decode("utf-8", "replace").strip() if file else ""


def _content(entry: Entry, key: str) -> bytes | None:
    """What a key or its ``-data`` twin holds."""
    data, file = entry.value.get(f"{key}-data"), entry.value.get(key)
    if data:
        try:
            return base64.b64decode(str(data), validate=True)
        except binascii.Error:
            raise CommandError(f"the kubeconfig's {key}-data is not base64") from None
    return _read(entry.folder / str(file)) if file else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise CommandError(f"{path}, which the kubeconfig names, cannot be read: {fault.strerror}") from None


def _checked_url(text: str, place: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound:
        raise WrongUsage(f'{place}: expected a URL such as "http://127.0.0.1:8288", got {text!r}')
    return text.rstrip("/")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
