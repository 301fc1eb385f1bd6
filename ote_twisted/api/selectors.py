"""Label and field selectors of Kubernetes' API, over stored objects. Pure.

These narrow lists and watches of objects. Selectors over clusters are another language, see the topology package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import orjson
from attrs import field

from ote_twisted.api.metadata import is_qualified
from ote_twisted.api.status import ApiError
from ote_twisted.declarations.cells import plain, text_of
from ote_twisted.declarations.model import Kind
from ote_twisted.storage.model import StoredObject
from ote_twisted.values import frozen

Test = Callable[[StoredObject], bool]

_SET = re.compile(r"\s*(?P<key>[^\s!=(),]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*(?:,|\Z)")
_EQUAL = re.compile(r"\s*(?P<key>[^\s!=(),]+)\s*(?P<op>==|!=|=)\s*(?P<value>[^\s!=(),]*)\s*(?:,|\Z)")
_EXISTS = re.compile(r"\s*(?P<no>!?)\s*(?P<key>[^\s!=(),]+)\s*(?:,|\Z)")


@frozen(eq=False)
class Selection:
    """Which objects of a kind a list or watch is about.

    :ivar tests: all must hold.
    :ivar label_equals: one label that every chosen object has, for a store's index.
    """

    tests: Sequence[Test] = field(default=())
    label_equals: tuple[str, str] | None = None

    def chooses(self, stored: StoredObject) -> bool:
        """The object is chosen."""
        return all(test(stored) for test in self.tests)


def read_selection(kind: Kind, namespace: str | None, name: str | None, labels: str, fields: str) -> Selection:
    """The selection that a call describes.

    :param namespace: ``None`` for all.
    :raise ApiError: 400, a selector is out of grammar or names a field that cannot be selected by.
    """
    tests: list[Test] = []
    if namespace:
        tests.append(lambda stored: stored.key.namespace == namespace)
    if name:
        tests.append(lambda stored: stored.key.name == name)
    label_tests, equals = _label_tests(labels)
    return Selection((*tests, *label_tests, *_field_tests(kind, fields)), equals)


def _label_tests(text: str) -> tuple[list[Test], tuple[str, str] | None]:
    tests: list[Test] = []
    equals: tuple[str, str] | None = None
    position = 0
    while position < len(text.rstrip()):
        match = _SET.match(text, position) or _EQUAL.match(text, position) or _EXISTS.match(text, position)
        if match is None or not is_qualified(match.group("key")):
            raise ApiError(400, f"unable to parse requirement: label selector, column {position + 1}: {text[position:][:64]!r}")
        parts = match.groupdict()
        if parts.get("op") in ("=", "=="):
            equals = equals or (parts["key"], parts["value"])
        tests.append(_label_test(parts))
        position = match.end()
    return tests, equals


def _label_test(parts: Mapping[str, str]) -> Test:
    key, operator = parts["key"], parts.get("op")
    if operator is None:
        wanted = not parts["no"]
        return lambda stored: (key in stored.labels) is wanted
    if operator in ("in", "notin"):
        chosen = frozenset(value.strip() for value in parts["values"].split(","))
    else:
        chosen = frozenset([parts["value"]])
    if operator in ("notin", "!="):
        return lambda stored: key not in stored.labels or stored.labels[key] not in chosen
    return lambda stored: key in stored.labels and stored.labels[key] in chosen


def _field_tests(kind: Kind, text: str) -> list[Test]:
    tests = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", term)
        if match is None:
            raise ApiError(400, f'invalid field selector: "{term[:64]}": expected FIELD=VALUE or FIELD!=VALUE')
        tests.append(_field_test(kind, match.group(1).strip(), match.group(3).strip(), match.group(2) != "!="))
    return tests


def _field_test(kind: Kind, path: str, value: str, equal: bool) -> Test:
    if path == "metadata.name":
        return lambda stored: (stored.key.name == value) is equal
    if path == "metadata.namespace":
        return lambda stored: (stored.key.namespace == value) is equal
    if path not in kind.selectable:
        raise ApiError(400, f'field label not supported: "{path[:64]}"')

    def test(stored: StoredObject) -> bool:
        found = plain(orjson.loads(stored.value), path)
        return (("" if found is None else text_of(found)) == value) is equal

    return test
