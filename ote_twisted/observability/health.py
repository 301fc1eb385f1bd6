"""Health checks as Kubernetes serves them: /livez and /readyz, each a list of named checks. Pure."""

from __future__ import annotations

from collections.abc import Callable

Rendered = tuple[int, str, bytes]
"""HTTP status, content type, body."""

Check = Callable[[], str | None]
"""Gives ``None`` when all is well, else a sentence that says what is not. Cheap, called at each request."""

_TEXT = "text/plain; charset=utf-8"


class HealthChecks:
    """The checks behind one endpoint.

    :param endpoint: last word of the answer, ``livez`` or ``readyz``.
    """

    def __init__(self, endpoint: str, checks: dict[str, Check]) -> None:
        self._endpoint = endpoint
        self._checks = dict(checks)

    def failing(self) -> dict[str, str]:
        """Give the reason of each check that fails now."""
        found = {name: self._reason(check) for name, check in self._checks.items()}
        return {name: reason for name, reason in found.items() if reason is not None}

    def render(self, verbose: bool = False) -> Rendered:
        """Answer a request: 200 or 500, each check with a line where asked for or where something is wrong."""
        failing = self.failing()
        if not failing and not verbose:
            return 200, _TEXT, b"ok"
        lines = [f"[-]{name} failed: {failing[name]}" if name in failing else f"[+]{name} ok" for name in self._checks]
        lines.append(f"{self._endpoint} check {'failed' if failing else 'passed'}")
        return 500 if failing else 200, _TEXT, ("\n".join(lines) + "\n").encode()

    @staticmethod
    def _reason(check: Check) -> str | None:
        try:
            return check()
        except Exception as error:
            return f"the check itself failed: {type(error).__name__}"
