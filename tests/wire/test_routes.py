"""Tests of :mod:`ote_twisted.wire.routes`."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import routes
from ote_twisted.wire.routes import (
    ClusterRegistry,
    ClusterRouter,
    decode_registry,
    decode_router,
    decode_subtree,
    encode_registry,
    encode_router,
    encode_subtree,
)
from tests.wire.strategies import mutations, texts

maps = st.dictionaries(texts, texts, max_size=4)
registries = st.builds(ClusterRegistry, texts, texts, texts, st.integers(-(2**63), 2**63 - 1), texts)
routers = st.builds(ClusterRouter, maps, st.none() | maps, st.none() | maps)
DECODERS = (decode_registry, decode_router, decode_subtree)


class GoSpellingTests(SynchronousTestCase):
    """Bodies look as Go's ``encoding/json`` writes them."""

    def test_escapes(self) -> None:
        """Characters that HTML or JavaScript would misread, and control characters, are escaped as Go does."""
        self.assertEqual(
            encode_subtree({'<>&"\\': "\n\r\t\b\f\x00\x7f\u2028\u2029é"}),
            '{"\\u003c\\u003e\\u0026\\"\\\\":"\\n\\r\\t\\u0008\\u000c\\u0000\x7f\\u2028\\u2029é"}'.encode(),
        )

    def test_half_surrogate_pair(self) -> None:
        """Text without a UTF-8 form is replaced, as Go replaces it."""
        self.assertEqual(encode_subtree({"a": "\ud800"}), b'{"a":"\\ufffd"}')

    def test_map_keys_are_sorted(self) -> None:
        """Keys come in the order of their UTF-8 bytes."""
        self.assertEqual(
            encode_subtree({"é": "", "b": "", "B": "", "a10": "", "a9": ""}),
            '{"B":"","a10":"","a9":"","b":"","é":""}'.encode(),
        )

    def test_router_keys(self) -> None:
        """The three maps have the original's spelling and order, and one not learnt is ``null``."""
        self.assertEqual(encode_router(ClusterRouter()), b'{"Childs":{},"Neighbor":null,"ParentNeighbor":null}')
        self.assertEqual(
            encode_router(ClusterRouter({"a": "1"}, {}, {"b": "2"})),
            b'{"Childs":{"a":"1"},"Neighbor":{},"ParentNeighbor":{"b":"2"}}',
        )

    @given(registries)
    def test_registry_is_json(self, registry: ClusterRegistry) -> None:
        """Another JSON library reads what was meant."""
        self.assertEqual(
            json.loads(encode_registry(registry)),
            {
                "Name": registry.name,
                "UserDefineName": registry.user_defined_name,
                "Listen": registry.listen,
                "Time": registry.time,
                "ParentName": registry.parent_name,
            },
        )


class ReadingTests(SynchronousTestCase):
    """Bodies are read as Go's ``encoding/json`` reads them."""

    @given(registries, routers, maps)
    def test_round_trips(self, registry: ClusterRegistry, router: ClusterRouter, subtree: dict[str, str]) -> None:
        """What was encoded is decoded to the same."""
        self.assertEqual(decode_registry(encode_registry(registry)), registry)
        self.assertEqual(decode_router(encode_router(router)), router)
        self.assertEqual(decode_subtree(encode_subtree(subtree)), subtree)

    def test_case_of_keys_does_not_matter(self) -> None:
        """Keys match whatever their case, unknown ones are ignored, the last of several counts."""
        raw = b'{"NAME":"a","userdefinename":"b","listeN":"c","TIME":5,"parentNAME":"d","more":[{}],"name":"z"}'
        self.assertEqual(decode_registry(raw), ClusterRegistry("z", "b", "c", 5, "d"))

    def test_absent_and_null_are_empty(self) -> None:
        """A key that is absent or ``null`` leaves its field empty."""
        self.assertEqual(decode_registry(b'{"Name":null,"Time":null}'), ClusterRegistry(""))
        self.assertEqual(decode_router(b'{"childs":null}'), ClusterRouter())
        self.assertEqual(decode_subtree(b'{"a":null}'), {"a": ""})

    def test_descendants_of_nobody(self) -> None:
        """``{}`` says that there are no descendants; ``null`` and nothing at all say nothing and are refused."""
        self.assertEqual(decode_subtree(b"{}"), {})
        for raw in (b"null", b"", b"[]", b'"a"', b"5"):
            self.assertRaises(MalformedMessage, decode_subtree, raw)


class HostileBodyTests(SynchronousTestCase):
    """What a hostile peer may send costs little and gets a clear error."""

    def assert_malformed(self, raw: bytes, text: str) -> None:
        """Some decoder refuses ``raw`` with ``text``; none does anything else."""
        faults = [self.assertRaises(MalformedMessage, decode, raw) for decode in DECODERS]
        self.assertTrue(any(text in str(fault) for fault in faults), faults)

    def test_wrong_types(self) -> None:
        """A value of the wrong type names its key."""
        for raw, text in (
            (b'{"Name":1}', "ClusterRegistry.Name: not a string"),
            (b'{"Time":"1"}', "ClusterRegistry.Time: not a 64-bit integer"),
            (b'{"Time":1.0}', "ClusterRegistry.Time"),
            (b'{"Time":true}', "ClusterRegistry.Time"),
            (b'{"Time":9223372036854775808}', "ClusterRegistry.Time"),
        ):
            self.assertIn(text, str(self.assertRaises(MalformedMessage, decode_registry, raw)))
        for raw, text in (
            (b'{"Childs":[]}', "ClusterRouter.Childs: not a JSON object"),
            (b'{"Neighbor":{"a":1}}', "ClusterRouter.Neighbor['a']: not a string"),
        ):
            self.assertIn(text, str(self.assertRaises(MalformedMessage, decode_router, raw)))

    def test_not_utf8(self) -> None:
        """Bytes that are not UTF-8 are refused."""
        self.assert_malformed(b'{"a\xff":"b"}', "not JSON")

    def test_deep_nesting(self) -> None:
        """A tower of arrays is refused before it is parsed."""
        self.assert_malformed(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "arrays and objects")

    def test_wide_nesting(self) -> None:
        """A row of many small arrays is refused before it is parsed."""
        self.assert_malformed(b'{"a":[' + b"[],[]," * 1000 + b"[]]}", "arrays and objects")

    def test_many_members(self) -> None:
        """More clusters than a tree can have are refused before they are parsed."""
        self.patch(routes, "NAMES_LIMIT", 3)
        self.assert_malformed(b'{"a":"","b":"","c":"","d":"","e":""}', "more than 3 members")

    def test_long_body(self) -> None:
        """A body over the limit is refused."""
        self.patch(routes, "ROUTE_BODY_LIMIT", 5)
        self.assertRaises(MalformedMessage, decode_subtree, b'{"a":"b"}')

    @given(st.one_of(st.binary(max_size=40), mutations(st.one_of(registries.map(encode_registry), routers.map(encode_router)))))
    def test_any_bytes(self, raw: bytes) -> None:
        """Any bytes are a body or malformed."""
        for decode in DECODERS:
            try:
                decode(raw)
            except MalformedMessage:
                continue
