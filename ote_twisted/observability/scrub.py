"""Takes secrets out of texts and fields before they are written anywhere. Pure."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"
_WORDS = r"(?:token|password|passwd|secret|authorization|credentials?|private[_-]?key|api[_-]?key|cookie)"
_NAME = re.compile(_WORDS, re.IGNORECASE)
_RULES = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(rf"""(?i)(["']?[\w-]*{_WORDS}["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|(?!\[hidden\]|bearer|basic)[^\s,;&"'}}]+)"""),
        rf"\1{HIDDEN}",
    ),
)


def scrub(text: str) -> str:
    """Give the text with credentials replaced: bearer tokens, passwords in URLs, private keys, ``token=…`` and the like."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def names_secret(field: str) -> bool:
    """Tell whether a field of that name is to be hidden whatever it holds."""
    return _NAME.search(field) is not None
