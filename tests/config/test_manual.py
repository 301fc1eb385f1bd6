"""What is made from the models: the manual and the examples."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.config import kinds
from ote_twisted.config.declare import all_options
from ote_twisted.config.document import parse_document
from ote_twisted.config.examples import EXAMPLES, render_example
from ote_twisted.config.load import build_config
from ote_twisted.config.manual import PROGRAMS, default_text, render_manual, toml_value

TOP = Path(__file__).resolve().parent.parent.parent


def uncommented(text: str) -> str:
    """Give an example with every option in force."""
    return "\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.splitlines())


class GeneratedFilesTests(SynchronousTestCase):
    """Files that are kept beside the source; ``make generated`` writes them."""

    def test_manual_is_current(self) -> None:
        """docs/configuration.md says what the models say now."""
        self.assertEqual((TOP / "docs" / "configuration.md").read_text(encoding="utf-8"), render_manual())

    def test_examples_are_current(self) -> None:
        """Each example in etc/ is as the models make it now."""
        for example in EXAMPLES:
            self.assertEqual((TOP / "etc" / example.file).read_text(encoding="utf-8"), render_example(example))

    def test_no_other_example(self) -> None:
        """etc/ holds no example that is not made here."""
        self.assertEqual({path.name for path in (TOP / "etc").glob("*.toml")}, {example.file for example in EXAMPLES})


class ExampleTests(SynchronousTestCase):
    """The examples work."""

    def test_each_example_loads(self) -> None:
        """An example as it stands is a whole configuration."""
        for example in EXAMPLES:
            build_config(example.program.model, {}, parse_document(example.file, render_example(example)))

    def test_each_example_shows_every_option(self) -> None:
        """With all comment signs removed an example sets every option and still loads."""
        for example in EXAMPLES:
            document = parse_document(example.file, uncommented(render_example(example)))
            build_config(example.program.model, {}, document)
            for declared in all_options(example.program.model):
                self.assertNotIn("None", document.place(declared.path))

    def test_examples_form_a_tree(self) -> None:
        """The parents that the examples name are tunnels of the other examples."""
        tables = [parse_document(example.file, render_example(example)).table for example in EXAMPLES]
        ports = {tunnel.split(":")[1] for table in tables for tunnel in table.get("tunnels", [])}
        self.assertEqual({parent.rsplit(":", 1)[1] for table in tables for parent in table.get("parents", [])}, ports)


class DeclarationTests(SynchronousTestCase):
    """Rules that every option keeps."""

    def test_documentation_is_sentences(self) -> None:
        """Every option's documentation ends with a full stop."""
        for program in PROGRAMS:
            for declared in all_options(program.model):
                self.assertTrue(declared.option.doc.endswith("."), declared.key)

    def test_each_option_shows_a_value(self) -> None:
        """Every option has a default or an example to show."""
        for program in PROGRAMS:
            for declared in all_options(program.model):
                self.assertTrue(default_text(declared) or declared.option.example, declared.key)

    def test_flags_are_distinct(self) -> None:
        """No two options of a program have one flag."""
        for program in PROGRAMS:
            flags = [declared.flag for declared in all_options(program.model)]
            self.assertEqual(len(flags), len(set(flags)))


class UseTests(SynchronousTestCase):
    """Options do something."""

    def test_every_option_reaches_a_program(self) -> None:
        """Each option is read by the root of a program."""
        roots = "".join(path.read_text(encoding="utf-8") for path in (TOP / "ote_twisted" / "tap").glob("*.py"))
        unused = [
            f"{program.name}: {declared.key}"
            for program in PROGRAMS
            for declared in all_options(program.model)
            if not re.search(rf"\.{declared.path[-1]}\b", roots)
        ]
        self.assertEqual(unused, [])


class ValueTests(SynchronousTestCase):
    """Values as TOML."""

    @given(st.integers(min_value=1, max_value=2**50))
    def test_sizes_survive(self, size: int) -> None:
        """A size written as TOML is read as the same size."""
        table = parse_document("f", f"x = {toml_value(kinds.SIZE, size)}").table
        self.assertEqual(kinds.read_size(table["x"]), size)

    @given(st.integers(min_value=0, max_value=10**6))
    def test_durations_survive(self, seconds: int) -> None:
        """A duration in whole seconds written as TOML is read as the same duration."""
        self.assertEqual(kinds.read_duration(toml_value(kinds.DURATION, float(seconds))[1:-1]), seconds)

    def test_tables(self) -> None:
        """Tables and lists are written inline."""
        self.assertEqual(toml_value(kinds.LABEL_VALUE, {"a/b": "c"}), '{ "a/b" = "c" }')
        self.assertEqual(toml_value(kinds.TAG, ("a", "b")), '["a", "b"]')
