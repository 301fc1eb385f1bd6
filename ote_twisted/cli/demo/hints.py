"""What a demo tells when its tree is complete: three commands to try."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def hints(kubeconfig: Path, examples: Path, killing: Sequence[str] = ()) -> list[str]:
    """Lines for people.

    :param examples: folder of the examples.
    :param killing: what to try besides, see :func:`killing`.
    """
    otectl, kubectl = _otectl(), shutil.which("kubectl") is not None
    return [
        f"kubeconfig: {kubeconfig}",
        "",
        "Try in another terminal:",
        "",
        f"  export KUBECONFIG={shlex.quote(str(kubeconfig))}",
        "",
        f"  kubectl apply -f {_folder(examples)}",
        "  kubectl get clustercontrollers -o wide",
        f"  {otectl} run '[tier=site]' -- GET /api/v1/namespaces",
        "",
        *killing,
        *([] if kubectl else ["kubectl is not installed here; any recent one works.", ""]),
        "Ctrl-C stops the tree.",
    ]


def killing(name: str, pid: int | None, command: str, restart: float | None) -> list[str]:
    """Lines about a process that may be killed.

    :param name: the cluster's; it has clusters below it.
    :param command: starts it.
    :param restart: seconds after which it is started again by itself; ``None`` when it is not.
    """
    again = [f"  {command}"] if restart is None else [f"It is started again after {restart:g} s."]
    return [
        f"See how the clusters below {name} find another way when it is killed, and go back when it is there again:",
        "",
        f"  {_otectl()} tree --watch",
        f"  {_otectl()} events --watch",
        f"  kill -9 {pid}",
        *again,
        "",
    ]


def command_line(arguments: Sequence[str]) -> str:
    """How a person starts a controller.

    :param arguments: what twistd is told.
    """
    return shlex.join([_near(Path(sys.executable).parent / "twistd"), *arguments])


def _otectl() -> str:
    """How this program was called, short where the shell would find it."""
    called = Path(sys.argv[0])
    found = shutil.which("otectl")
    if found is not None and called.exists() and Path(found).samefile(called):
        return "otectl"
    return shlex.quote(_near(called.absolute()))


def _folder(examples: Path) -> str:
    """The examples as they lie in a clone, if this is one, else as they are installed."""
    beside = Path(examples.name)
    same = {file.name for file in beside.glob("*.yaml")} == {file.name for file in examples.glob("*.yaml")}
    return f"{beside}/" if same else shlex.quote(_near(examples))


def _near(path: Path) -> str:
    """A path as seen from the working folder, if it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
