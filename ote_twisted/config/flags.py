"""Command lines of the twistd programs, made from the models."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from twisted.python import usage

from ote_twisted import __version__
from ote_twisted.config.declare import Declared, all_options
from ote_twisted.config.load import load_config
from ote_twisted.config.manual import flag_help
from ote_twisted.config.model import ControllerConfig, ShimConfig
from ote_twisted.errors import ConfigError

Model = TypeVar("Model")

_PIDFILE = "twistd.pid"
"""What twistd writes its number to unless it is told otherwise."""


class ConfigOptions(usage.Options, Generic[Model]):
    """Options of one program: a flag for each option of its model, and ``--config FILE``.

    After ``parseOptions`` the attribute ``config`` is the whole configuration.
    """

    model: ClassVar[type[Any]]
    config: Model

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Give the subclass one flag for each option of its model."""
        super().__init_subclass__(**keywords)
        for declared in all_options(cls.model):
            setattr(cls, "opt_" + declared.flag.replace("-", "_"), _flag(declared))

    def __init__(self) -> None:
        self.given: dict[str, list[str]] = {}
        self.file: Path | None = None
        super().__init__()

    def opt_config(self, path: str) -> None:
        """TOML file with any of these options; flags override it. See docs/configuration.md."""
        self.file = Path(path)

    def opt_version(self) -> None:
        """Show the version and exit."""
        print(f"ote-twisted {__version__}")
        sys.exit(0)

    def load(self) -> Model:
        """Give the configuration, the file read anew: at the start and at each reload.

        :raise ote_twisted.errors.ConfigError: the file or a flag is wrong.
        """
        loaded: Model = load_config(self.model, self.given, self.file)
        return loaded

    def postOptions(self) -> None:
        """Check everything, so that a wrong option stops the program before it begins."""
        try:
            self.config = self.load()
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None
        _write_no_pid(self.parent)


def _write_no_pid(twistd: usage.Options | None) -> None:
    """Let several programs run in the foreground of one folder: what is not a daemon needs no file with its number."""
    if twistd is not None and twistd.get("nodaemon") and twistd.get("pidfile") == _PIDFILE:
        twistd["pidfile"] = ""


def _flag(declared: Declared) -> Callable[[ConfigOptions[Any], str], None]:
    """Make the method by which ``usage.Options`` takes one flag."""

    def take(self: ConfigOptions[Any], value: str) -> None:
        self.given.setdefault(declared.flag, []).append(value)

    take.__doc__ = flag_help(declared)
    return take


class ControllerOptions(ConfigOptions[ControllerConfig]):
    """Command line of ``twistd ote-controller``."""

    model = ControllerConfig
    longdesc = "A cluster controller: one node of the tree. The first flags to know are --name, --tunnel, --parent and --api."


class ShimOptions(ConfigOptions[ShimConfig]):
    """Command line of ``twistd ote-shim``."""

    model = ShimConfig
    longdesc = "A shim server: performs the tasks of controllers that connect to it, on one cluster."
