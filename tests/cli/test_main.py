"""The commands as they are called."""

from __future__ import annotations

from io import StringIO

import click
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted import __version__
from ote_twisted.cli.main import COMMANDS, main
from ote_twisted.cli.progress import progress
from ote_twisted.cli.screen import Screen


def call(*words: str) -> Result:
    """Call otectl; nothing of it may need a controller."""
    return CliRunner().invoke(main, words, env={"KUBECONFIG": "/dev/null/none", "HOME": "/dev/null"})


class HelpTests(SynchronousTestCase):
    """Help."""

    def test_every_command_has_examples(self) -> None:
        """otectl and each of its commands explain themselves with examples of themselves."""
        for name in ("", *COMMANDS):
            text = call(*name.split(), "--help").output
            self.assertIn("Examples:", text)
            self.assertIn(f"otectl {name}".strip(), text.partition("Examples:")[2])

    def test_list_of_commands(self) -> None:
        """The list of commands names each with its line, in the order of learning."""
        text = call("--help").output.partition("Commands:")[2]
        self.assertEqual([line.split()[0] for line in text.strip().splitlines()], list(COMMANDS))
        self.assertEqual(list(COMMANDS)[:2], ["demo", "tree"])

    def test_modules(self) -> None:
        """Each command is the one that it is listed as."""
        with click.Context(main) as context:
            self.assertEqual([main.get_command(context, name).name for name in COMMANDS], list(COMMANDS))
            self.assertIsNone(main.get_command(context, "nothing"))

    def test_json_everywhere(self) -> None:
        """Every command that shows something takes -o json."""
        for name in COMMANDS:
            if name != "completion":
                self.assertRegex(call(name, "--help").output, r"-o, --output \[json")

    def test_controller_everywhere(self) -> None:
        """Every command that asks a controller can be told which."""
        for name in ("tree", "select", "run", "status", "events", "version"):
            for option in ("--context", "--kubeconfig", "--server"):
                self.assertIn(option, call(name, "--help").output)

    def test_version(self) -> None:
        """--version asks nobody."""
        self.assertIn(__version__, call("--version").output)


class UsageTests(SynchronousTestCase):
    """Wrong calls."""

    def test_wrong_calls(self) -> None:
        """A wrong call ends with 2 and names what is wrong."""
        for words, told in (
            (("nothing",), "No such command"),
            (("run", "*"), "Missing argument"),
            (("run", "*", "GET"), "Missing argument"),
            (("tree", "-o", "xml"), "'xml' is not one of"),
            (("tree", "--watch", "-o", "yaml"), "--watch shows a table or -o json"),
            (("run", "*", "GET", "/", "--deadline", "soon"), "expected a duration"),
            (("run", "*", "GET", "/", "--timeout", "0"), "expected a duration"),
            (("run", "*", "POST", "/", "-d", "x", "-f", __file__), "exclude each other"),
            (("run", "*", "POST", "/", "-f", "/dev/null/none"), "Not a directory"),
            (("run", "*", "POST", "/", "-f", __file__), "is no body for a request"),
            (("status", "--server", "x"), "expected a URL"),
            (("status", "--server", "http://x", "--context", "y"), "exclude each other"),
            (("demo", "--tiers", "9", "--fanout", "9"), "at most"),
            (("demo", "--port", "70000"), "70000"),
            (("demo", "--processes", "--tiers", "4", "--fanout", "5"), "a tree of processes is given 60 at most"),
            (("demo", "--processes", "--verbose"), "NAME.log"),
            (("demo", "--restart", "3s"), "give --processes as well"),
            (("demo", "--processes", "--restart", "soon"), "expected a duration"),
            (("events", "--watch", "-o", "wide"), "--watch shows lines or -o json"),
            (("completion", "tcsh"), "'tcsh' is not one of"),
        ):
            result = call(*words)
            self.assertEqual(result.exit_code, 2, words)
            self.assertIn(told, result.output)

    def test_no_kubeconfig(self) -> None:
        """Without any controller to ask the sentence says how to get one, and the exit code is 1."""
        result = call("tree")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("otectl: no kubeconfig at /dev/null/none; start a tree with `otectl demo`", result.output)

    def test_context_before_command(self) -> None:
        """Which controller may be said before the command's name."""
        self.assertIn("expected a URL", call("--server", "x", "status").output)


class CompletionTests(SynchronousTestCase):
    """Completion."""

    def test_scripts(self) -> None:
        """Each shell has a script that asks otectl."""
        for shell in ("bash", "zsh", "fish"):
            self.assertIn(f"_OTECTL_COMPLETE={shell}_complete", call("completion", shell).output)

    def test_commands(self) -> None:
        """Commands are completed."""
        found = ShellComplete(main, {}, "otectl", "_OTECTL_COMPLETE").get_completions([], "s")
        self.assertEqual([item.value for item in found], ["select", "status", "simulate"])


class ProgressTests(SynchronousTestCase):
    """Progress."""

    def test_lines(self) -> None:
        """Off a terminal each change of progress is a line on standard error."""
        err = StringIO()
        with progress(Screen(StringIO(), err)) as changed:
            for done in (0, 0, 1, 2):
                changed({"selected": 2, "succeeded": done})
        self.assertEqual(err.getvalue().splitlines(), ["0 of 2 answered", "1 of 2 answered", "2 of 2 answered"])

    def test_bar(self) -> None:
        """On a terminal it is a bar that is gone afterwards."""

        class Terminal(StringIO):
            def isatty(self) -> bool:
                return True

        err = Terminal()
        with progress(Screen(StringIO(), err)) as changed:
            changed({"selected": 2, "succeeded": 1})
        self.assertIn("1 of 2 answered", err.getvalue())
