"""What is done with fields that a kind does not know: ignored, warned about, or refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ote_twisted.api.status import ApiError

_MODES = ("Ignore", "Warn", "Strict")
_MAX_WARNINGS = 20


def warnings_for(unknown: Sequence[str], mode: str) -> dict[str, str]:
    """Headers of the answer for fields that were removed.

    :param mode: the option ``fieldValidation``; empty is ``Warn``.
    :raise ApiError: 400, the mode is ``Strict`` and there are such fields, or it is no mode.
    """
    if mode and mode not in _MODES:
        raise ApiError(400, f'fieldValidation: Unsupported value: "{mode[:32]}": supported values: "Ignore", "Strict", "Warn"')
    if not unknown or mode == "Ignore":
        return {}
    texts = [f'unknown field "{path[:200]}"' for path in unknown[:_MAX_WARNINGS]]
    if mode == "Strict":
        raise ApiError(400, "strict decoding error: " + ", ".join(texts))
    return {"warning": ", ".join(f"299 - {_quoted(text)}" for text in texts)}


def _quoted(text: str) -> str:
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
