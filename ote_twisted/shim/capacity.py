"""Sums over a cluster's nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from ote_twisted.storage.model import JSON

_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def quantity(text: object) -> Decimal:
    """The number that a Kubernetes quantity such as ``100m`` or ``16Gi`` means; 0 for what is none."""
    digits = str(text).strip()
    for length in (2, 1):
        factor = _FACTORS.get(digits[-length:])
        if factor is not None and len(digits) > length:
            return _number(digits[:-length]) * factor
    return _number(digits)


def _number(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and abs(number.adjusted()) < 32 else Decimal(0)


def written(amount: Decimal) -> str:
    """A quantity as text: a whole number, or thousandths rounded up."""
    if amount == amount.to_integral_value():
        return str(int(amount))
    return f"{int((amount * 1000).to_integral_value('ROUND_CEILING'))}m"


def node_totals(nodes: Iterable[Any]) -> JSON:
    """``nodes``, ``nodesReady`` and the sums ``capacity`` and ``allocatable`` over those that are ready and schedulable."""
    sums: dict[str, dict[str, Decimal]] = {"capacity": {}, "allocatable": {}}
    count = ready = 0
    for node in nodes:
        count += 1
        ready += _ready(node)
        if _usable(node):
            for field, total in sums.items():
                _add(total, _mapping(_mapping(node, "status"), field))
    return {"nodes": count, "nodesReady": ready} | {
        field: {name: written(total[name]) for name in total} for field, total in sums.items()
    }


def _usable(node: Any) -> bool:
    return not _mapping(node, "spec").get("unschedulable") and _ready(node)


def _ready(node: Any) -> bool:
    conditions = _mapping(node, "status").get("conditions")
    return any(
        isinstance(each, dict) and each.get("type") == "Ready" and each.get("status") == "True"
        for each in (conditions if isinstance(conditions, list) else ())
    )


def _mapping(value: Any, field: str) -> JSON:
    inner = value.get(field) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _add(total: dict[str, Decimal], amounts: JSON) -> None:
    for name, text in amounts.items():
        total[name] = total.get(name, Decimal(0)) + quantity(text)
