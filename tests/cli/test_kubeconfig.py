"""Choosing a controller."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.errors import CommandError, WrongUsage
from ote_twisted.cli.kubeconfig import Server, context_names, find_server, read_kubeconfig, server_of, written


def config(server: str = "http://127.0.0.1:8288", user: Any = None, **cluster: Any) -> dict[str, Any]:
    """Give a kubeconfig with one context, ``only``."""
    return {
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }


class KubeconfigTests(SynchronousTestCase):
    """Kubeconfig files."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def file(self, value: object, name: str = "config") -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else yaml.safe_dump(value))
        return path

    def found(self, value: object, context: str | None = None) -> Server:
        """Give the server that a kubeconfig leads to."""
        return server_of(read_kubeconfig([self.file(value)]), context)

    def refused(self, value: object, context: str | None = None) -> str:
        """Give why a kubeconfig leads nowhere."""
        return self.assertRaises(CommandError, self.found, value, context).message

    def test_written_is_read(self) -> None:
        """What we write we read: each name is a context, one is current."""
        text = written({"root": "http://127.0.0.1:1", "north": "http://127.0.0.1:2"}, "root")
        self.assertEqual(self.found(text), Server("http://127.0.0.1:1", "root", "kube-system"))
        self.assertEqual(self.found(text, "north").url, "http://127.0.0.1:2")
        self.assertEqual(context_names(str(self.folder / "config")), ["root", "north"])

    def test_several_files(self) -> None:
        """Of several files the first that says something wins, and missing ones are passed over."""
        first, second = self.file(config("http://one:1"), "a"), self.file(config("http://two:2"), "b")
        merged = read_kubeconfig([self.folder / "missing", first, second])
        self.assertEqual(server_of(merged, None).url, "http://one:1")
        self.patch(os, "environ", {"KUBECONFIG": f"{second}{os.pathsep}{first}"})
        self.assertEqual(find_server(None, None, None).url, "http://two:2")

    def test_credentials(self) -> None:
        """Certificates and tokens come from data or from files beside the kubeconfig, and are never shown."""
        (self.folder / "ca.pem").write_bytes(b"CA")
        (self.folder / "secret").write_text("hush\n")
        data = base64.b64encode(b"KEY").decode()
        user = {"client-certificate-data": data, "client-key-data": data, "tokenFile": "secret"}
        server = self.found(config("https://c:1/", user, **{"certificate-authority": "ca.pem"}))
        self.assertEqual((server.url, server.authority, server.certificate, server.token), ("https://c:1", b"CA", b"KEY", "hush"))
        self.assertNotIn("hush", repr(server))
        self.assertNotIn("KEY", repr(server))

    def test_advice(self) -> None:
        """Whatever is missing, the sentence names it and what there is."""
        self.assertIn("it has: only", self.refused(config(), "other"))
        self.assertIn("choose one with --context: only", self.refused({**config(), "current-context": ""}))
        self.assertIn("names cluster 'c'", self.refused({**config(), "clusters": []}))
        self.assertIn("not YAML", self.refused("{"))
        self.assertIn("is no kubeconfig", self.refused("[]"))
        self.assertIn("not base64", self.refused(config(**{"certificate-authority-data": "?"})))
        self.assertIn("cannot be read", self.refused(config(**{"certificate-authority": "missing"})))
        self.assertIn("not 'exec'", self.refused(config(user={"exec": {}})))
        missing = self.assertRaises(CommandError, read_kubeconfig, [self.folder / "none"]).message
        self.assertIn("otectl demo", missing)
        self.assertEqual(context_names(str(self.folder / "none")), [])

    def test_server(self) -> None:
        """--server needs no kubeconfig, and excludes a context."""
        self.assertEqual(find_server(None, None, "http://127.0.0.1:8288/"), Server("http://127.0.0.1:8288"))
        self.assertRaises(WrongUsage, find_server, None, "north", "http://127.0.0.1:8288")
        for wrong in ("127.0.0.1:8288", "ws://127.0.0.1:1", "http://", "http://a:99999", "http://a:0"):
            self.assertRaises(WrongUsage, find_server, None, None, wrong)
