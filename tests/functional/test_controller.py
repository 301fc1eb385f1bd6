"""Trees of real ``twistd ote-controller`` processes, started by hand as an operator does."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.functional.controller_processes import PATIENCE, TREE, TWISTD, Controller, ControllersTestCase, free_port, until


class TreeTests(ControllersTestCase):
    """Controllers that find each other."""

    def test_any_start_order(self) -> None:
        """Started leaf first, with labels, tags and an advertised address, the tree comes together and performs a task (F27)."""
        root = self.controller("root")
        mid = self.controller("mid", f"--parent={root.address}", "--shim=none")
        leaf = self.controller(
            "leaf", f"--parent={mid.address}", "--label=region=north", "--label=tier=site", "--tag=gpu", "--advertise=leaf.test:9"
        )
        leaf.start()
        mid.start()
        root.start()
        root.online("mid", "leaf")
        found = root.cluster("leaf")
        self.assertEqual(found["metadata"]["labels"], {"region": "north", "tier": "site"})
        self.assertEqual((found["spec"]["tags"], found["status"]["listen"]), (["gpu"], "leaf.test:9"))
        self.assertEqual((found["status"]["parentName"], found["status"]["depth"]), ("mid", 2))
        self.assertEqual(root.cluster("mid")["status"]["listen"], f"127.0.0.1:{mid.tunnel}")
        root.submit("t", "[tier=site],gpu*,mid")
        until(lambda: root.answers("t") == {"leaf": 200}, f"the answer of leaf; {root.get(f'{TREE}/clustercontrollers/t')}")

    def test_parents_in_order_of_preference(self) -> None:
        """With two parents the first is joined; when it dies the second is, and tasks go on (F33, F35)."""
        root = self.controller("root").start()
        first = self.controller("first", f"--parent={root.address}").start()
        second = self.controller("second", f"--parent={root.address}").start()
        root.online("first", "second")
        leaf = self.controller("leaf", f"--parent={first.address}", f"--parent={second.address}").start()
        root.online("first", "second", "leaf")
        self.assertEqual(root.cluster("leaf")["status"]["parentName"], "first")
        first.end()
        until(lambda: root.cluster("leaf")["status"].get("parentName") == "second", "leaf below second")
        root.online("second", "leaf")
        self.assertIn("lost", root.cluster("first")["status"]["reason"])
        leaf.submit("own", "leaf")
        root.submit("t", "leaf")
        until(lambda: root.answers("t") == leaf.answers("own") == {"leaf": 200}, "answers")

    def test_a_killed_middle_comes_back(self) -> None:
        """While a killed middle is away its child is below the root; after a restart the tree is as before, its store too."""
        root = self.controller("root").start()
        mid = self.controller("mid", f"--parent={root.address}").start()
        self.controller("leaf", f"--parent={mid.address}").start()
        root.online("mid", "leaf")
        mid.submit("kept", "*")
        until(lambda: mid.answers("kept") == {"mid": 200, "leaf": 200}, "answers in the middle")
        uid = mid.get(f"{TREE}/clustercontrollers/kept")["metadata"]["uid"]
        mid.end(signal.SIGKILL)
        root.online("leaf")
        self.assertEqual(root.cluster("leaf")["status"]["parentName"], "root")
        mid.start()
        root.online("mid", "leaf")
        until(lambda: root.cluster("leaf")["status"]["parentName"] == "mid", "the leaf below its own parent again")
        until(lambda: mid.clusters().get("leaf") == "online", "the leaf online at its parent")
        kept = mid.get(f"{TREE}/clustercontrollers/kept")
        self.assertEqual((kept["metadata"]["uid"], mid.answers("kept")), (uid, {"mid": 200, "leaf": 200}))
        root.submit("t", "*")
        until(lambda: root.answers("t") == {"root": 200, "mid": 200, "leaf": 200}, "answers")

    def test_a_remote_shim(self) -> None:
        """A controller with the address of a shim server performs there; without one, and with none, it says so (F80, F81)."""
        port = free_port()
        edge = self.controller("edge", f"--shim=ws://127.0.0.1:{port}").start()
        until(lambda: edge.page("/livez")[0] == 200, "alive without its shim")
        self.assertNotEqual(edge.page("/readyz")[0], 200)
        state = self.folder / "shim"
        command = [sys.executable, "-c", TWISTD, "-n", "--pidfile=", "ote-shim", f"--listen=tcp:{port}:interface=127.0.0.1"]
        self.folder.mkdir(exist_ok=True)
        shim = subprocess.Popen([*command, f"--state={state}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(shim.wait, PATIENCE)
        self.addCleanup(shim.kill)
        until(lambda: edge.page("/readyz")[0] == 200, "ready with its shim")
        edge.submit("t", "edge", "GET", "/api/v1/namespaces")
        until(lambda: edge.answers("t") == {"edge": 200}, "the shim's answer")

    def test_no_cluster(self) -> None:
        """A controller with ``--shim none`` is no target: a task for it says that nobody is selected (F7)."""
        root = self.controller("root", "--shim=none").start()
        until(lambda: root.page("/readyz")[0] == 200, "ready")
        root.submit("t", "*")
        found = until(lambda: root.get(f"{TREE}/clustercontrollers/t").get("status", {}).get("conditions"), "a status")
        self.assertIn("NoClusterSelected", str(found))


class OperationTests(ControllersTestCase):
    """What an operator does with one."""

    def test_a_file_with_flags_over_it(self) -> None:
        """Everything may stand in a file; each flag given beside it wins."""
        self.folder.mkdir()
        path = self.folder / "site.toml"
        port = free_port()
        path.write_text(
            'name = "from-file"\nshim = "none"\n'
            f'api = "tcp:{port}:interface=127.0.0.1"\n'
            'tags = ["file"]\n[labels]\nregion = "file"\n[log]\nformat = "json"\n'
        )
        site = self.controller("from-flag", f"--config={path}", "--label=region=flag").start()
        until(lambda: site.page("/readyz")[0] == 200, "ready")
        found = until(lambda: site.cluster("from-flag"), "its own object")
        self.assertEqual((found["metadata"]["labels"], found["spec"]["tags"]), ({"region": "flag"}, ["file"]))
        lines = [json.loads(line) for line in site.text().splitlines()]
        self.assertTrue(lines)
        self.assertTrue(all("message" in line for line in lines))

    def test_readiness_waits_for_the_parent(self) -> None:
        """A controller is alive without its parent and ready only when one has answered; it says what is missing."""
        root = self.controller("root")
        edge = self.controller("edge", f"--parent={root.address}", "--shim=none").start()
        code, text = until(
            lambda: (found := edge.page("/readyz?verbose"))[0] != 200 and "no parent" in found[1] and found, "not ready"
        )
        self.assertEqual((code in (500, 503), edge.page("/livez")[0]), (True, 200), text)
        root.start()
        until(lambda: edge.page("/readyz")[0] == 200, "ready")

    def test_reload_of_labels(self) -> None:
        """SIGHUP applies changed labels and tags, and the root sees them (F45)."""
        self.folder.mkdir()
        root = self.controller("root").start()
        path = self.folder / "edge.toml"
        path.write_text('tags = ["old"]\n[labels]\ncolour = "red"\n')
        edge = self.controller("edge", f"--config={path}", f"--parent={root.address}").start()
        root.online("edge")
        path.write_text('tags = ["new"]\n[labels]\ncolour = "blue"\n')
        edge.kill(signal.SIGHUP)
        until(lambda: root.cluster("edge")["metadata"]["labels"] == {"colour": "blue"}, "the new label at the root")
        self.assertEqual(root.cluster("edge")["spec"]["tags"], ["new"])

    def test_a_clean_stop(self) -> None:
        """SIGTERM closes every link with a close frame that says why and ends the process within its time (F46)."""
        root = self.controller("root", "--stop-timeout=5s").start()
        until(lambda: root.page("/readyz")[0] == 200, "ready")
        headers = {"listen-addr": ":8287", "name": "c1"}
        with connect(f"{root.address}/access/c1", additional_headers=headers, compression=None) as link:
            root.online("c1")
            began = time.monotonic()
            root.kill(signal.SIGTERM)
            closed: ConnectionClosed | None = None
            while closed is None:
                try:
                    link.recv(PATIENCE)
                except ConnectionClosed as end:
                    closed = end
        assert closed.rcvd is not None
        self.assertEqual((closed.rcvd.code, closed.rcvd.reason), (1001, "the controller is stopping"))
        self.assertIn(root.exit()[0], (0, -signal.SIGTERM))
        self.assertLess(time.monotonic() - began, 5 + 2)

    def test_a_taken_port(self) -> None:
        """A port that is taken is one clear line and exit code 1, for the API and for the tunnel."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            for number, flag in enumerate(("--api", "--tunnel")):
                code, lines = self.controller(f"c{number}", f"{flag}={endpoint}").start().exit()
                self.assertEqual(code, 1, lines)
                self.assertIn("cannot listen", lines[-1])
                self.assertIn(str(taken.getsockname()[1]), lines[-1])
                self.assertNotIn("Traceback", "\n".join(lines))

    def test_a_damaged_store(self) -> None:
        """A store that is damaged is not touched: the controller refuses to start and says what to do."""
        root = self.controller("root")
        state = root.folder / "state"
        state.mkdir(parents=True)
        (state / "store.sqlite").write_bytes(b"SQLite format 3\x00" + b"\xa5" * 8000)
        before = (state / "store.sqlite").read_bytes()
        code, lines = root.start().exit()
        self.assertEqual((code, (state / "store.sqlite").read_bytes()), (1, before))
        self.assertNotIn("Traceback", "\n".join(lines))
        self.assertIn("store.sqlite", lines[-1])
        self.assertRegex(lines[-1], "backup|move|restore")

    def test_metrics(self) -> None:
        """Metrics parse, each family has a help text and a proper name, and what happens is counted."""
        root = self.controller("root").start()
        self.controller("edge", f"--parent={root.address}").start()
        root.online("edge")
        root.submit("t", "*")
        until(lambda: len(root.answers("t")) == 2, "answers")
        until(
            lambda: re.search(r"(?m)^ote_down_forwarded_total.* 2(\.0)?$", root.page("/metrics")[1]) is not None, "confirmation"
        )
        families = {family.name: family for family in text_string_to_metric_families(root.page("/metrics")[1])}
        for name, family in families.items():
            self.assertRegex(name, r"^[a-z][a-z0-9_]*$")
            self.assertTrue(family.documentation.endswith(".") or not name.startswith("ote_"), name)
            if family.type == "counter":
                self.assertTrue(all(sample.name.endswith(("_total", "_created")) for sample in family.samples), name)
            else:
                self.assertFalse(name.endswith("_total"), name)
        values = {name: sum(sample.value for sample in family.samples) for name, family in families.items()}
        self.assertEqual((values["ote_clusters_online"], values["ote_children"], values["ote_down_forwarded"]), (2, 1, 2))
        self.assertEqual((values["ote_tasks_targets_sent"], values["ote_performer_performed"]), (2, 1))


class Authority:
    """A certificate authority of the moment."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test's authority")])
        self.pem = self._signed(self._name, self._key.public_key(), []).public_bytes(Encoding.PEM)

    def server(self, host: str) -> bytes:
        """Certificate and key of a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        made = self._signed(name, key.public_key(), [host])
        return made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, hosts: list[str]) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class TLSTests(ControllersTestCase):
    """Tunnels over TLS by endpoint strings."""

    def setUp(self) -> None:
        """A root, listening, whose tunnel has a certificate of our own authority."""
        super().setUp()
        self.folder.mkdir()
        authority = Authority()
        self.trusted, pem = self.folder / "ca.pem", self.folder / "server.pem"
        self.trusted.write_bytes(authority.pem)
        pem.write_bytes(authority.server("localhost"))
        self.port = free_port()
        endpoint = f"ssl:{self.port}:interface=127.0.0.1:privateKey={pem}:certKey={pem}"
        self.root = self.controller("root", "--shim=none", f"--tunnel={endpoint}").start()
        until(lambda: self.root.page("/readyz")[0] == 200, "ready")

    def edge(self, host: str) -> Controller:
        """A child that dials TLS."""
        return self.controller("edge", f"--parent=wss://{host}:{self.port}", "--shim=none")

    def failing(self, edge: Controller) -> str:
        """Why it cannot join."""

        def error() -> str:
            found = edge.get("/apis/ote-twisted.dev/v1alpha1/controllerstatuses/edge")
            text: str = (found or {"status": {"uplink": {}}})["status"]["uplink"].get("lastError", "")
            return text

        reason: str = until(error, "a reason")
        return reason

    def test_a_trusted_parent(self) -> None:
        """With the authority in SSL_CERT_FILE the child joins over TLS (F19)."""
        self.edge("localhost").start(SSL_CERT_FILE=str(self.trusted))
        self.root.online("edge")

    def test_an_unknown_authority(self) -> None:
        """Without it the child does not join, and its status says that the certificate could not be verified (F19)."""
        reason = self.failing(self.edge("localhost").start())
        self.assertRegex(reason, "(?i)certificate.*verif|verif.*certificate")
        self.assertEqual(list(self.root.clusters()), ["root"])

    def test_another_host(self) -> None:
        """A certificate of another host is refused, and the status says so (F19)."""
        reason = self.failing(self.edge("127.0.0.1").start(SSL_CERT_FILE=str(self.trusted)))
        self.assertRegex(reason, "(?i)certificate|verif|match")
        self.assertEqual(list(self.root.clusters()), ["root"])

    def test_no_old_tls(self) -> None:
        """The tunnel takes no TLS older than 1.2."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        with (
            socket.create_connection(("127.0.0.1", self.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as link,
        ):
            self.assertIn(link.version(), ("TLSv1.2", "TLSv1.3"))


class BadInputTests(ControllersTestCase):
    """What arrives at the tunnel's port and is no child."""

    def setUp(self) -> None:
        """A root."""
        super().setUp()
        self.root = self.controller("root", "--shim=none", "--handshake-timeout=2s").start()
        until(lambda: self.root.page("/readyz")[0] == 200, "ready")

    def said(self, data: bytes) -> bytes:
        """Everything that is answered before the connection ends."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.root.tunnel), PATIENCE) as peer:
            try:
                peer.sendall(data)
                while more := peer.recv(65536):
                    answer += more
            except ConnectionError:
                pass
        return answer

    def test_strangers_are_told_and_cut_off(self) -> None:
        """Plain HTTP, garbage, a huge head, TLS on a plain port and silence are answered or cut off (F31)."""
        cases = [
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 4"),
            (b"GET /access/c1 HTTP/1.1\r\nHost: x\r\nlisten-addr: :1\r\nname: c1\r\n\r\n", b"HTTP/1.1 4"),
            (b"POST /access/c1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"HTTP/1.1 4"),
            (b"GET /access/c1 HTTP/1.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", b"HTTP/1.1 431"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n", b""),
            (bytes(range(256)) * 20 + b"\r\n\r\n", b""),
            (b"", b""),
        ]
        for data, expected in cases:
            answer = self.said(data)
            self.assertTrue(answer.startswith(expected), (data[:40], answer[:80]))
            self.assertNotIn(b" 101 ", answer)
            self.assertNotIn(b"Traceback", answer)
        self.assertEqual((self.root.page("/readyz")[0], list(self.root.clusters())), (200, ["root"]))
        self.assertNotIn("Traceback", self.root.text())

    def test_a_child_that_breaks_the_rules_costs_itself(self) -> None:
        """A joined peer that sends garbage frames is closed with the reason; another child is not disturbed (F61, F69)."""
        headers = {"listen-addr": ":8287", "name": "x"}
        options = {"additional_headers": headers, "compression": None}
        with connect(f"{self.root.address}/access/good", **options), connect(f"{self.root.address}/access/bad", **options) as bad:  # type: ignore[arg-type]
            self.root.online("good", "bad")
            bad.send(b"\xff\xff")
            bad.send("\u2603")
            bad.socket.sendall(b"\xff\xff\x00\x00\x00\x00\x00\x00")
            self.root.online("good")
        self.assertNotIn("Traceback", self.root.text())

    def test_a_name_out_of_grammar_is_told(self) -> None:
        """A join under an impossible name gets 400 with the rule that it breaks (F6)."""
        head = (
            b"GET /access/Not%20A%20Name HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nlisten-addr: :1\r\nname: n\r\n\r\n"
        )
        answer = self.said(head)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))
        self.assertIn(b"only lower-case letters", answer)


class WrongStartTests(ControllersTestCase):
    """What cannot be had."""

    def test_an_unknown_shim(self) -> None:
        """A shim that is not installed is one clear line that names it, and exit code 1."""
        code, lines = self.controller("edge", "--shim=no-such-shim").start().exit()
        self.assertEqual(code, 1)
        self.assertIn("no-such-shim", lines[-1])
        self.assertNotIn("Traceback", "\n".join(lines))

    def test_two_cannot_share_a_store(self) -> None:
        """A second controller on the same state folder is refused with one clear line; the first goes on."""
        first = self.controller("first").start()
        until(lambda: first.page("/readyz")[0] == 200, "ready")
        second = self.controller("second", f"--state={first.folder / 'state'}").start()
        code, lines = second.exit()
        self.assertEqual(code, 1)
        self.assertIn(str(first.folder / "state"), lines[-1])
        self.assertNotIn("Traceback", "\n".join(lines))
        self.assertEqual(first.page("/readyz")[0], 200)
