"""What a demo tells when its tree is complete: three commands to try."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def hints(kubeconfig: Path, examples: Path) -> list[str]:
    """Lines for people.

    :param examples: folder of the examples.
    """
    otectl, kubectl = _otectl(), shutil.which("kubectl") is not None
    return [
        f"kubeconfig: {kubeconfig}",
        "",
        "Try in another terminal:",
        "",
        f"  export KUBECONFIG={shlex.quote(str(kubeconfig))}",
        "",
        f"  kubectl apply -f {shlex.quote(_near(examples))}",
        "  kubectl get clustercontrollers -o wide",
        f"  {otectl} run '[tier=site]' -- GET /api/v1/namespaces",
        "",
        *([] if kubectl else ["kubectl is not installed here; any recent one works.", ""]),
        "Ctrl-C stops the tree.",
    ]


def _otectl() -> str:
    """How this program was called, short where the shell would find it."""
    called = Path(sys.argv[0])
    found = shutil.which("otectl")
    if found is not None and called.exists() and Path(found).samefile(called):
        return "otectl"
    return shlex.quote(_near(called.absolute()))


def _near(path: Path) -> str:
    """A path as seen from the working folder, where that is shorter."""
    here = Path(os.getcwd())
    beside = here / path.name
    if path.is_dir() and beside.is_dir() and any(beside.glob("*.yaml")):
        return f"{path.name}/"
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
