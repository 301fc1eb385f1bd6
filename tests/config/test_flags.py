"""The programs' command lines."""

from __future__ import annotations

from pathlib import Path

from twisted.python.usage import UsageError
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.config.declare import all_options
from ote_twisted.config.flags import ControllerOptions, ShimOptions
from ote_twisted.config.model import ControllerConfig


def parse(*arguments: str) -> ControllerOptions:
    """Parse a controller's command line."""
    options = ControllerOptions()
    options.parseOptions(list(arguments))
    return options


class ControllerOptionsTests(SynchronousTestCase):
    """``twistd ote-controller``."""

    def test_flags_make_the_configuration(self) -> None:
        """A command line without a file is a whole configuration."""
        config = parse("--name", "c1", "--tunnel", "tcp:1", "--tunnel=tcp:2", "--label", "a=b", "--limit-api-body", "1MiB").config
        self.assertEqual((config.name, config.tunnels, config.labels), ("c1", ("tcp:1", "tcp:2"), {"a": "b"}))
        self.assertEqual(config.limit.api_body, 1024**2)

    def test_file_and_flags(self) -> None:
        """``--config`` gives the rest, wherever it stands on the command line."""
        path = Path(self.mktemp())
        path.write_text('name = "c1"\nuser_defined_name = "north"\n')
        config = parse("--name", "c2", "--config", str(path)).config
        self.assertEqual((config.name, config.user_defined_name), ("c2", "north"))

    def test_wrong_options_stop_the_program(self) -> None:
        """A configuration error becomes twistd's usage error with the same text."""
        self.assertIn("name: required", str(self.assertRaises(UsageError, parse)))
        self.assertIn("--config", str(self.assertRaises(UsageError, parse)))
        self.assertIn("cannot be read", str(self.assertRaises(UsageError, parse, "--config", "/nonexistent")))

    def test_load_reads_the_file_anew(self) -> None:
        """A reload sees what the file holds now, under the same flags."""
        path = Path(self.mktemp())
        path.write_text('name = "c1"\n[log]\nlevel = "info"\n')
        options = parse("--config", str(path), "--tag", "t")
        path.write_text('name = "c1"\n[log]\nlevel = "debug"\n')
        self.assertEqual((options.load().log.level, options.load().tags), ("debug", ("t",)))

    def test_help_names_every_option(self) -> None:
        """``--help`` documents each option of the model with its default."""
        text = str(ControllerOptions())
        for declared in all_options(ControllerConfig):
            self.assertIn(f"--{declared.flag}=", text)
        self.assertIn("[default: 1h]", text)

    def test_version(self) -> None:
        """``--version`` tells ours, not Twisted's, and ends."""
        printed: list[str] = []
        self.patch(__import__("builtins"), "print", printed.append)
        self.assertRaises(SystemExit, parse, "--version")
        self.assertTrue(printed[0].startswith("ote-twisted "))


class ShimOptionsTests(SynchronousTestCase):
    """``twistd ote-shim``."""

    def test_flags(self) -> None:
        """A shim server's flags make its configuration."""
        options = ShimOptions()
        options.parseOptions(["--kind", "thirdparty", "--listen", "tcp:0", "--concurrency", "2"])
        self.assertEqual((options.config.kind, options.config.listen, options.config.concurrency), ("thirdparty", ("tcp:0",), 2))

    def test_no_flag_of_the_other_program(self) -> None:
        """A controller's flag means nothing to a shim server."""
        self.assertRaises(UsageError, ShimOptions().parseOptions, ["--parent", "ws://a:1"])


class PidfileTests(SynchronousTestCase):
    """The file with the process's number."""

    def pidfile(self, *arguments: str) -> str:
        """Give the file that twistd would write."""
        options = ServerOptions()
        options.parseOptions([*arguments, "ote-controller", "--name", "c1"])
        return str(options["pidfile"])

    def test_foreground_writes_none(self) -> None:
        """In the foreground no pidfile is written, so that several programs can be started in one folder."""
        self.assertEqual(self.pidfile("-n"), "")

    def test_said_is_kept(self) -> None:
        """A pidfile that was asked for is written, and that of a daemon as well."""
        self.assertEqual(Path(self.pidfile("-n", "--pidfile", "mine.pid")).name, "mine.pid")
        self.assertEqual(Path(self.pidfile()).name, "twistd.pid")
