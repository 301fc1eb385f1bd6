"""Bodies, friendly and hostile."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.body import MAX_BODY, MAX_DEPTH, read_object, read_value
from ote_twisted.api.status import ApiError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


class BodyTests(SynchronousTestCase):
    """Reading of bodies."""

    def refused(self, code: int, body: bytes, content_type: str = "application/json") -> str:
        """The text of the refusal, whose code must be as expected."""
        error = self.assertRaises(ApiError, read_object, body, content_type)
        self.assertEqual(error.code, code)
        return error.message

    def test_json_and_yaml(self) -> None:
        """Both are read, and a missing type is JSON."""
        for content_type in ("application/json", "", "application/json; charset=utf-8"):
            self.assertEqual(read_object(b'{"a": 1}', content_type), {"a": 1})
        self.assertEqual(read_object(b"a: 1\nb: [x]", "application/yaml"), {"a": 1, "b": ["x"]})

    def test_yaml_dates_stay_text(self) -> None:
        """YAML's dates are text, as in Kubernetes, and numeric keys become text."""
        self.assertEqual(read_object(b"a: 2026-11-23\n1: x", "application/yaml"), {"a": "2026-11-23", "1": "x"})

    def test_malformed(self) -> None:
        """What is no JSON, no YAML or no object gets 400."""
        for body in (b"", b"{", b'{"a":}', b"[1]", b"null", b"5", b'{"a": NaN}', b'{"a":"\xff"}'):
            self.refused(400, body)
        for body in (b"{", b"\xff: 1", b"a: !!python/object:os.system {}", b"- 1", b"a: &x 1\nb: *y"):
            self.refused(400, body, "application/yaml")

    def test_unknown_type(self) -> None:
        """A type that is neither gets 415."""
        self.assertIn("application/json", self.refused(415, b"{}", "application/vnd.kubernetes.protobuf"))

    def test_oversize(self) -> None:
        """A body over the limit gets 413 with both figures."""
        self.assertIn(str(MAX_BODY), self.refused(413, b" " * (MAX_BODY + 1)))

    def test_depth(self) -> None:
        """JSON and YAML may be nested so deep and no deeper."""
        fits, deep = MAX_DEPTH, MAX_DEPTH + 1
        read_value(b"[" * fits + b"]" * fits, "")
        self.assertIn("nested deeper", str(self.assertRaises(ApiError, read_value, b"[" * deep + b"]" * deep, "")))
        self.assertIn("nested deeper", str(self.assertRaises(ApiError, read_value, b"[" * deep + b"]" * deep, "text/yaml")))
        read_value(b'{"a":' * fits + b"1" + b"}" * fits, "")
        self.refused(400, b'{"a":' * deep + b"1" + b"}" * deep)

    def test_bombs(self) -> None:
        """Megabytes of open brackets and expanding aliases are refused at once."""
        self.refused(400, b"[" * MAX_BODY)
        self.refused(400, b'{"a":' * (MAX_BODY // 5))
        bomb = b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (n, n, n - 1, n - 1) for n in range(98, 122))
        self.assertIn("alias", self.refused(400, bomb, "application/yaml"))

    def test_brackets_in_text_are_no_depth(self) -> None:
        """Brackets inside strings do not count as nesting."""
        value = {"a": "[" * 1000, "b": '\\"[' * 500, "c": ["{"] * 300}
        self.assertEqual(read_object(orjson.dumps(value), ""), value)

    @settings(max_examples=60, deadline=None)
    @given(JSON_VALUES)
    def test_any_json_is_read_as_written(self, value: object) -> None:
        """JSON of any form comes back as it was."""
        self.assertEqual(read_value(orjson.dumps(value), "application/json"), value)

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200), st.sampled_from(["application/json", "application/yaml"]))
    def test_any_bytes_are_read_or_refused(self, body: bytes, content_type: str) -> None:
        """Whatever arrives is read or refused with a code below 500."""
        try:
            read_value(body, content_type)
        except ApiError as error:
            self.assertLess(error.code, 500)
