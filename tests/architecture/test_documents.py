"""Documents, news fragments, lock files: what can be checked of them is."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from twisted.trial.unittest import SynchronousTestCase

from tests.architecture.source import TOP

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FRAGMENT = re.compile(r"(\d+|\+)[\w.-]*\.(feature|bugfix|doc|removal|misc|security)(\.\d+)?(\.md)?")


def documents() -> list[Path]:
    """Give every page for people that is kept with the source."""
    built = TOP / "docs"
    pages = [*TOP.glob("*.md"), *built.glob("*.md"), *(TOP / "examples").rglob("*.md"), *(TOP / "benchmarks").rglob("*.md")]
    return sorted(pages)


def prose(path: Path) -> str:
    """Give a page's text without its code."""
    text = re.sub(r"^(```|~~~).*?^\1", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def local_links(path: Path) -> Iterator[str]:
    """Give the links of a page that lead to files."""
    for target in LINK.findall(prose(path)):
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


class LinkTests(SynchronousTestCase):
    """Links lead somewhere."""

    def test_local_links(self) -> None:
        """Every link to a file of the source leads to one that exists."""
        dead = [
            f"{page.relative_to(TOP)}: {target}"
            for page in documents()
            for target in local_links(page)
            if not (page.parent / target).exists()
        ]
        self.assertEqual(dead, [])


class NewsTests(SynchronousTestCase):
    """News fragments."""

    fragments = tuple(path for path in sorted((TOP / "newsfragments").glob("*")) if not path.name.startswith("."))

    def test_names(self) -> None:
        """Each fragment is named after its issue and kind."""
        self.assertEqual([path.name for path in self.fragments if not FRAGMENT.fullmatch(path.name)], [])

    def test_texts(self) -> None:
        """Each fragment is one paragraph that ends with a full stop."""
        texts = {path.name: path.read_text(encoding="utf-8").strip() for path in self.fragments}
        self.assertEqual([name for name, text in texts.items() if not text.endswith(".") or "\n\n" in text], [])


class LockTests(SynchronousTestCase):
    """Lock files against setup.cfg."""

    def setUp(self) -> None:
        self.setup = configparser.ConfigParser()
        self.setup.read(TOP / "setup.cfg", encoding="utf-8")

    def locked(self, name: str) -> dict[str, Version]:
        """Give the versions that a lock file holds."""
        text = (TOP / name).read_text(encoding="utf-8")
        return {
            canonicalize_name(found[1]): Version(found[2]) for found in re.finditer(r"^([\w.-]+)==([^\s\\]+)", text, re.MULTILINE)
        }

    def unmet(self, requirements: str, lock: str) -> list[str]:
        """Give the requirements that a lock file does not fulfil."""
        locked = self.locked(lock)
        wanted = [Requirement(line) for line in requirements.strip().splitlines() if not line.startswith("#")]
        return [
            str(one)
            for one in wanted
            if canonicalize_name(one.name) not in locked or locked[canonicalize_name(one.name)] not in one.specifier
        ]

    def test_runtime(self) -> None:
        """Every dependency is locked at a version that its bound allows."""
        requirements = self.setup["options"]["install_requires"]
        self.assertEqual(self.unmet(requirements, "requirements.lock"), [])
        self.assertEqual(self.unmet(requirements, "requirements-dev.lock"), [])

    def test_extras(self) -> None:
        """Every dependency of an extra is locked at a version that its bound allows."""
        for requirements in self.setup["options.extras_require"].values():
            self.assertEqual(self.unmet(requirements, "requirements-dev.lock"), [])

    def test_build_tool(self) -> None:
        """The build tool is locked with everything else."""
        requires = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
        self.assertEqual(self.unmet("\n".join(requires), "requirements.lock"), [])

    def test_both_agree(self) -> None:
        """The development lock holds the runtime lock's versions."""
        runtime, development = self.locked("requirements.lock"), self.locked("requirements-dev.lock")
        self.assertEqual({name: development.get(name) for name in runtime}, runtime)

    def test_hashes_and_no_addresses(self) -> None:
        """Each locked version has hashes, and no file names a registry or a folder of this machine."""
        for name in ("requirements.lock", "requirements-dev.lock"):
            text = (TOP / name).read_text(encoding="utf-8")
            self.assertEqual(len(re.findall(r"^[\w.-]+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)), len(self.locked(name)))
            self.assertNotRegex(text, r"(?m)^--|://")

    def test_dependencies_are_explained(self) -> None:
        """Every dependency has its line in docs/dependencies.md."""
        text = (TOP / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
        listed = self.setup["options"]["install_requires"] + "".join(self.setup["options.extras_require"].values())
        names = {
            re.split(r"[\s\[>=]", line)[0].lower() for line in listed.strip().splitlines() if line and not line.startswith("#")
        }
        self.assertEqual(sorted(name for name in names if name not in text), [])
