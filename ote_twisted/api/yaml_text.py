"""YAML read within bounds, and written. Pure."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from ote_twisted.api.status import ApiError

_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Loader(_BaseLoader):
    """Safe YAML in which dates stay text, as in Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}


def read_yaml(body: bytes, max_depth: int) -> Any:
    """A JSON value written as YAML.

    :param max_depth: nesting of objects and lists.
    :raise ApiError: 400; the text names the rule.
    """
    try:
        text = body.decode("utf-8")
        _check_events(text, max_depth)
        value = yaml.load(text, Loader=_Loader)
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
    except (UnicodeDecodeError, yaml.YAMLError, TypeError, ValueError) as error:
        raise ApiError(400, f"the body is not YAML: {error}") from error


def write_yaml(value: Any) -> bytes:
    """A JSON value as YAML, fields in their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
    return text.encode()


def _check_events(text: str, max_depth: int) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ApiError(400, "the body is YAML with an alias (*name); aliases are not accepted")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > max_depth:
                raise ApiError(400, f"the body is nested deeper than {max_depth} levels")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
