"""Grammar of cluster names, tags, and labels. Text is parsed once, at the trust boundary; values are passed on. Pure.

A cluster name is a Kubernetes object name (DNS-1123 subdomain) of at most 63 characters, so that it may also be a label value,
a part of a URL, and a selector without quoting (F6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NewType

from ote_twisted.errors import InvalidName

ClusterName = NewType("ClusterName", str)

MAX_NAME = 63
"""Characters in a cluster name, a tag, a label value, or the name part of a label key."""

MAX_PREFIX = 253
"""Characters in the prefix of a label key."""

MAX_LABELS = 64
"""Labels, and tags, of one cluster."""

_SEGMENT = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_SEGMENT}(?:\.{_SEGMENT})*", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)


def parse_name(text: str) -> ClusterName:
    """The cluster name that ``text`` is.

    :raise InvalidName: it is none; the message says which rule it breaks.
    """
    _require(isinstance(text, str) and text != "", "a cluster name is empty")
    _require(len(text) <= MAX_NAME, f"a cluster name has {len(text)} characters; at most {MAX_NAME} are allowed")
    _require(
        _SUBDOMAIN.fullmatch(text) is not None,
        f"cluster name {text!r}: only lower-case letters, digits, '-' and '.' are allowed, "
        "and each part between dots starts and ends with a letter or digit",
    )
    return ClusterName(text)


def check_tag(tag: str) -> str:
    """The tag itself, when it has the grammar of a Kubernetes label value and is not empty.

    :raise InvalidName: it has not.
    """
    _require(isinstance(tag, str) and tag != "", "a tag is empty or no text")
    _check_word("tag", tag)
    return tag


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags of one cluster, each once, sorted.

    :raise InvalidName: one is out of grammar, or there are more than :data:`MAX_LABELS`.
    """
    unique = {check_tag(tag) for tag in tags}
    _require(len(unique) <= MAX_LABELS, f"a cluster has {len(unique)} tags; at most {MAX_LABELS} are allowed")
    return tuple(sorted(unique))


def check_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """A copy of the labels of one cluster, in Kubernetes' grammar.

    :raise InvalidName: a key or a value is out of grammar, or there are more than :data:`MAX_LABELS`.
    """
    _require(isinstance(labels, Mapping), "labels are no mapping of keys to values")
    _require(len(labels) <= MAX_LABELS, f"a cluster has {len(labels)} labels; at most {MAX_LABELS} are allowed")
    return {check_label_key(key): check_label_value(value) for key, value in labels.items()}


def check_label_key(key: str) -> str:
    """The label key itself: a name, or ``prefix/name`` where the prefix is a DNS-1123 subdomain.

    :raise InvalidName: it is out of grammar.
    """
    _require(isinstance(key, str), "a label key is no text")
    prefix, slash, name = key.rpartition("/")
    _require(name != "", "a label key is empty")
    if slash:
        _require(
            len(prefix) <= MAX_PREFIX and _SUBDOMAIN.fullmatch(prefix) is not None,
            f"label key {_short(key)}: what is before '/' is no DNS name of at most {MAX_PREFIX} characters",
        )
    _check_word("label key", name)
    return key


def check_label_value(value: str) -> str:
    """The label value itself; it may be empty.

    :raise InvalidName: it is out of grammar.
    """
    _require(isinstance(value, str), "a label value is no text")
    if value:
        _check_word("label value", value)
    return value


def _check_word(kind: str, text: str) -> None:
    """One word of at most :data:`MAX_NAME` characters."""
    _require(len(text) <= MAX_NAME, f"{kind} {_short(text)} has {len(text)} characters; at most {MAX_NAME} are allowed")
    _require(
        _WORD.fullmatch(text) is not None,
        f"{kind} {text!r}: only letters, digits, '-', '_' and '.' are allowed, and it starts and ends with a letter or digit",
    )


def _short(text: str) -> str:
    """A quotation that stays readable however long the text is."""
    return repr(text if len(text) <= MAX_NAME else text[:MAX_NAME] + "…")


def _require(truth: bool, rule: str) -> None:
    """Complain unless ``truth``."""
    if not truth:
        raise InvalidName(rule)
