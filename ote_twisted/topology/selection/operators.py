"""Operators of label selectors. Pure."""

from __future__ import annotations

from enum import StrEnum


class Operator(StrEnum):
    """Operators of Kubernetes label selectors."""

    EQUALS = "="
    NOT_EQUALS = "!="
    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    NOT_EXISTS = "!exists"
    GREATER = ">"
    LESS = "<"
