"""What files and flags become, and how wrong ones are answered."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.config.document import parse_document
from ote_twisted.config.load import build_config, load_config, read_document
from ote_twisted.config.model import ControllerConfig, ShimConfig
from ote_twisted.config.sections import LimitConfig
from ote_twisted.errors import ConfigError

LINES = st.lists(
    st.sampled_from(["# remark", "", 'a = "x"', "b = [", "1,", "]", "[log]", "[limit]", 'c = """', "text", '"""', "d.e = 1"]),
    max_size=12,
)


def controller(text: str = 'name = "c1"', **flags: list[str]) -> ControllerConfig:
    """Build a controller's configuration from a file's text and flags (underscores for dashes)."""
    given_flags = {name.replace("_", "-"): texts for name, texts in flags.items()}
    return build_config(ControllerConfig, given_flags, parse_document("c.toml", text))


class FileTests(SynchronousTestCase):
    """What a file says."""

    def refused(self, text: str) -> str:
        """Give the error of a file's text."""
        return str(self.assertRaises(ConfigError, controller, text))

    def test_every_kind_of_value(self) -> None:
        """Texts, lists, tables, durations, sizes and sections of a file arrive typed."""
        config = controller(
            'name = "c1"\nparents = ["ws://a:1", "wss://b:2/x"]\nlabels = { region = "north", "example.com/x" = "" }\n'
            'tags = ["camera"]\ntask_deadline = "2h"\nping_interval = 1.5\nstate = "/var/s"\n'
            '[log]\nlevel = "debug"\n[limit]\nmessage = "32MiB"\nqueue_high = 10\n'
        )
        self.assertEqual(config.parents, ("ws://a:1", "wss://b:2/x"))
        self.assertEqual(config.labels, {"region": "north", "example.com/x": ""})
        self.assertEqual((config.task_deadline, config.ping_interval), (7200.0, 1.5))
        self.assertEqual((config.state, config.tags, config.log.level), (Path("/var/s"), ("camera",), "debug"))
        self.assertEqual(config.limit, LimitConfig(message=32 * 1024**2, queue_high=10))

    def test_state_is_by_name_unless_given(self) -> None:
        """Two controllers started in one folder without --state do not share one."""
        self.assertEqual(controller().state, Path("ote-state/c1"))

    def test_a_shim_server_needs_nothing(self) -> None:
        """A shim server has a default for every option."""
        self.assertEqual(build_config(ShimConfig, {}).concurrency, 64)

    def test_unknown_key_names_file_line_and_the_near_one(self) -> None:
        """A misspelt key is answered with its line and the key that was probably meant."""
        self.assertEqual(
            self.refused('# who\nname = "c1"\n\npings_interval = 5\n'),
            "c.toml:4: pings_interval: unknown key; did you mean ping_interval?",
        )

    def test_singular_of_a_list_is_a_near_key(self) -> None:
        """A flag's name in the file leads to the file's key."""
        self.assertIn("c.toml:2: parent: unknown key; did you mean parents?", self.refused('name = "c1"\nparent = "ws://a:1"\n'))

    def test_unknown_key_in_a_section(self) -> None:
        """A key path names its section, and without a near key all known ones are listed."""
        self.assertEqual(
            self.refused('name = "c"\n[log]\nqqq = 1\n'), "c.toml:3: log.qqq: unknown key; known here: level, format"
        )

    def test_unknown_section(self) -> None:
        """An unknown section is answered with the line of its heading."""
        self.assertEqual(self.refused('name = "c"\n\n[limits]\n'), "c.toml:3: limits: unknown key; did you mean limit?")

    def test_value_instead_of_section(self) -> None:
        """A section that is a plain value is refused as such."""
        self.assertEqual(self.refused('name = "c"\nlog = "debug"\n'), "c.toml:2: log: expected a section [log], got 'debug'")

    def test_wrong_types(self) -> None:
        """Each wrong value is answered with its line, key path and what is expected."""
        cases = {
            "name = 7": "c.toml:1: name: expected a cluster's name, got 7",
            'name = "C_1"': "c.toml:1: name: cluster name 'C_1': only lower-case letters",
            'name = "c"\nparents = "ws://a:1"': "c.toml:2: parents: expected a list, each of it a websocket address",
            'name = "c"\nparents = [\n "ws://a:1",\n "http://b:2",\n]': "c.toml:2: parents[1]: expected a websocket address",
            'name = "c"\nlabels = ["a"]': "c.toml:2: labels: expected a table of keys and values, got a list",
            'name = "c"\n[labels]\nregion = 3': "c.toml:3: labels.region: expected a label's value",
            'name = "c"\n[labels]\n"-" = "x"': "c.toml:3: labels.-: label key '-': only letters",
            'name = "c"\nfailover = 1': "c.toml:2: failover: expected true or false",
            'name = "c"\nping_interval = true': "c.toml:2: ping_interval: expected a duration",
            'name = "c"\nping_interval = "5 lightyears"': "c.toml:2: ping_interval: expected a duration",
            'name = "c"\nping_interval = -1': "c.toml:2: ping_interval: expected a duration",
            'name = "c"\nping_interval = nan': "c.toml:2: ping_interval: expected a duration",
            'name = "c"\ntunnels = ["8287"]': 'c.toml:2: tunnels[0]: expected a listening endpoint such as "tcp:8287',
            'name = "c"\nadvertise = "edge7"': "c.toml:2: advertise: expected an address such as",
            'name = "c"\nadvertise = "edge7:99999"': "c.toml:2: advertise: expected an address such as",
            'name = "c"\n[limit]\nmessage = 0': "c.toml:3: limit.message: expected a size",
            'name = "c"\n[limit]\nmessage = "1MB"': "c.toml:3: limit.message: expected a size",
            'name = "c"\n[log]\nlevel = "loud"': 'c.toml:3: log.level: expected "debug" or "info"',
            'name = "c"\nshim = "ftp://x"': 'c.toml:2: shim: expected "embedded", "none"',
        }
        for text, message in cases.items():
            self.assertTrue(self.refused(text).startswith(message), f"{self.refused(text)!r} is not {message!r}")

    def test_queue_bounds_in_order(self) -> None:
        """A high-water mark above the hard bound is refused with both keys."""
        error = self.refused('name = "c"\n[limit]\nqueue_high = 10\nqueue_hard = 5\n')
        self.assertEqual(error, "c.toml: limit.queue_high (10) must be below limit.queue_hard (5)")
        for text, told in (
            ('message = "15MiB"', "limit.message (15728640) must be from 16777216 (16 MiB) to 67108864 (64 MiB)"),
            ('message = "65MiB"', "limit.message (68157440) must be from 16777216 (16 MiB) to 67108864 (64 MiB)"),
            ('message = "16MiB"\nanswer_body = "16MiB"', "limit.answer_body (16777216) must be at most 16711680, to fit into"),
        ):
            self.assertIn(told, self.refused(f'name = "c1"\n[limit]\n{text}\n'))

    def test_missing_name(self) -> None:
        """A required option that is nowhere is answered with the flag and the key that give it."""
        self.assertEqual(self.refused(""), 'name: required; give --name or put name = "bj-1" in c.toml')

    def test_broken_toml(self) -> None:
        """Text that is not TOML is answered with line and column."""
        self.assertTrue(self.refused('name = "c1"\nparents = [,]\n').startswith("c.toml:2: not TOML: "))
        self.assertTrue(self.refused('name = "c1').startswith("c.toml:1: not TOML: "))

    def test_proxy_credentials(self) -> None:
        """A proxy address with credentials, which nothing would use, is refused without repeating them."""
        error = self.refused('name = "c"\nproxy = "http://u:hunter2@p:1"')
        self.assertIn("c.toml:2: proxy: expected an HTTP proxy without credentials", error)
        self.assertNotIn("hunter2", error)


class ReadingTests(SynchronousTestCase):
    """Files that cannot be read."""

    def refused(self, path: Path) -> str:
        """Give the error of loading a file."""
        return str(self.assertRaises(ConfigError, load_config, ShimConfig, {}, path))

    def test_missing_file(self) -> None:
        """A missing file is answered with its path and the reason."""
        path = Path(self.mktemp())
        self.assertEqual(self.refused(path), f"{path}: the configuration file cannot be read: No such file or directory")

    def test_folder(self) -> None:
        """A folder in the place of a file is refused."""
        path = Path(self.mktemp())
        path.mkdir()
        self.assertIn("Is a directory", self.refused(path))

    def test_not_utf8(self) -> None:
        """Bytes that are not UTF-8 are answered with their line."""
        path = Path(self.mktemp())
        path.write_bytes(b"# one\n# two\xff\n")
        self.assertEqual(self.refused(path), f"{path}:2: not TOML: the text is not UTF-8")

    def test_too_large(self) -> None:
        """A file without end is not read to its end."""
        self.assertIn("larger than 262144 bytes", self.refused(Path("/dev/zero")))

    def test_read(self) -> None:
        """A file's options arrive."""
        path = Path(self.mktemp())
        path.write_text("concurrency = 3\n")
        self.assertEqual(load_config(ShimConfig, {}, path).concurrency, 3)
        self.assertEqual(read_document(path).table, {"concurrency": 3})


class FlagTests(SynchronousTestCase):
    """What flags say, beside a file."""

    def test_flags_override_the_file(self) -> None:
        """A flag wins over the file; a repeatable one replaces the whole list."""
        config = controller(
            'name = "c1"\nparents = ["ws://a:1", "ws://b:1"]\n[log]\nlevel = "warn"\n',
            name=["c2"],
            parent=["ws://c:1"],
            log_level=["debug"],
            label=["a=b", "c="],
            limit_message=["16MiB"],
        )
        self.assertEqual((config.name, config.parents, config.log.level), ("c2", ("ws://c:1",), "debug"))
        self.assertEqual((config.labels, config.limit.message), ({"a": "b", "c": ""}, 16 * 1024**2))

    def test_last_of_a_plain_flag_wins(self) -> None:
        """A flag that is not repeatable and given twice has its last value."""
        self.assertEqual(controller(name=["a", "b"]).name, "b")

    def test_wrong_flags(self) -> None:
        """A wrong flag is named with what is expected of it."""
        cases = {
            "label": ("region", "--label: expected KEY=VALUE, got 'region'"),
            "ping_interval": ("x", "--ping-interval: expected a duration"),
            "failover": ("yes", "--failover: expected true or false"),
            "limit_message": ("-3", "--limit-message: expected a size"),
            "name": ("A", "--name: cluster name 'A': only lower-case letters"),
            "parent": ("127.0.0.1:8287", "--parent: expected a websocket address"),
            "tag": ("a b", "--tag: tag 'a b': only letters"),
        }
        for flag, (text, message) in cases.items():
            error = str(self.assertRaises(ConfigError, controller, **{flag: [text]}))
            self.assertTrue(error.startswith(message), error)


class PlaceTests(SynchronousTestCase):
    """Lines of keys."""

    def line(self, text: str, *path: str) -> str:
        """Give the place of a key path in a text."""
        return parse_document("f", text).place(path)

    def test_keys_in_every_notation(self) -> None:
        """Keys are found under headings, dotted, quoted, in inline tables, and not inside longer texts."""
        text = 'a = """\nlog.level = 1\n"""\n"b c" = 1\nd.e = 2\nf = { g = 3 }\nh = [\n 1,\n 2,\n]\n[log]\nlevel = 4\n'
        places = {("b c",): 4, ("d", "e"): 5, ("f", "g"): 6, ("h",): 7, ("log",): 11, ("log", "level"): 12, ("a",): 1}
        for path, line in places.items():
            self.assertEqual(self.line(text, *path), f"f:{line}: {'.'.join(path)}")

    def test_absent_key_has_no_line(self) -> None:
        """A key that is not in the file is placed in the file without a line."""
        self.assertEqual(self.line("a = 1", "b"), "f: b")

    @given(LINES)
    def test_any_text_is_placed_or_refused(self, lines: list[str]) -> None:
        """Whatever a file holds, it is parsed with each of its keys on an existing line, or refused as not TOML."""
        try:
            document = parse_document("f", "\n".join(lines))
        except ConfigError as error:
            self.assertIn("not TOML", str(error))
            return
        for key in document.table:
            self.assertLessEqual(int(document.place((key,)).split(":")[1]), len(lines))
