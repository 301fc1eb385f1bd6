"""Answers of our own, and the rules for every task and answer."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.shim.answers import content_type, failure, fault, from_wire, limited, refusal
from ote_twisted.tasks.model import Answer, Task


class AnswerTests(SynchronousTestCase):
    """What is answered without asking a cluster."""

    def test_failure_is_a_status(self):
        """An answer of our own is a Kubernetes Status with a sentence."""
        answer = failure(503, "away")
        status = json.loads(answer.body)
        self.assertEqual((answer.code, status["code"], status["reason"]), (503, 503, "ServiceUnavailable"))
        self.assertEqual((status["kind"], status["status"], status["message"]), ("Status", "Failure", "away"))

    def test_unknown_destination_is_404(self):
        """A destination that nobody serves is 404 and the sentence names those that are."""
        answer = refusal(Task("helm", "GET", "/"), ("api",))
        assert answer is not None
        self.assertEqual(answer.code, 404)
        self.assertIn(b"it has: api", answer.body)

    def test_unknown_method_is_405(self):
        """A method that a destination does not take is 405; an empty one too (T63, T64)."""
        for method in ("OPTIONS", "get", ""):
            answer = refusal(Task("api", method, "/"), ("api",))
            assert answer is not None
            self.assertEqual(answer.code, 405)

    def test_five_methods_pass(self):
        """GET, POST, PUT, PATCH and DELETE are performed."""
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            self.assertIsNone(refusal(Task("api", method, "/"), ("api",)))

    def test_faulty_tasks_are_400(self):
        """A URI that could smuggle a second request, or is no path, is refused."""
        for task in (
            Task("api", "GET", ""),
            Task("api", "GET", "http://elsewhere/"),
            Task("api", "GET", "/a b"),
            Task("api", "GET", "/a\r\nX: y"),
            Task("api", "GET", "/\x7f"),
            Task("api", "GET", "/ü"),
            Task("api", "G T", "/"),
        ):
            answer = fault(task)
            assert answer is not None
            self.assertEqual(answer.code, 400, task)
        self.assertIsNone(fault(Task("api", "GET", "/a%20b?c=d")))

    def test_code_zero_is_502(self):
        """The original's answer without a code is a 502 with text (F77)."""
        answer = from_wire(Answer(0))
        self.assertEqual(answer.code, 502)
        self.assertIn(b"did not reach its cluster", answer.body)
        self.assertEqual(from_wire(Answer(-7)).code, 502)
        self.assertEqual(from_wire(Answer(201, b"x")), Answer(201, b"x"))


class ContentTypeTests(SynchronousTestCase):
    """A task's media type (F75)."""

    def test_patch_is_told_by_its_shape(self):
        """An object is a merge patch, a list a JSON patch, and whatever is neither goes as JSON patch, as in the original."""
        self.assertEqual(content_type(Task("api", "PATCH", "/", b' \n{"a": 1}')), "application/merge-patch+json")
        self.assertEqual(content_type(Task("api", "PATCH", "/", b'[{"op": "add"}]')), "application/json-patch+json")
        self.assertEqual(content_type(Task("api", "PATCH", "/", b"")), "application/json-patch+json")

    def test_others_are_json(self):
        """Every other body is JSON."""
        self.assertEqual(content_type(Task("api", "PUT", "/", b"[")), "application/json")


class LimitTests(SynchronousTestCase):
    """Answer bodies are bounded (F59)."""

    def test_short_body_is_kept(self):
        """A body of exactly the limit is untouched."""
        answer = Answer(200, b"12345")
        self.assertIs(limited(answer, 5), answer)

    def test_long_body_is_cut_and_marked(self):
        """A longer body is cut, marked, and its length told."""
        self.assertEqual(limited(Answer(200, b"123456"), 5), Answer(200, b"12345", True, 6))

    def test_first_length_is_kept(self):
        """A body that was cut before keeps its first length."""
        self.assertEqual(limited(Answer(200, b"123456", True, 99), 5).full_length, 99)

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 50))
    def test_text_stays_text(self, text, limit):
        """Text that is cut is still text, and at most three bytes shorter than the limit."""
        body = text.encode()
        cut = limited(Answer(200, body), limit).body
        self.assertTrue(text.startswith(cut.decode()))
        self.assertTrue(min(limit, len(body)) - 3 <= len(cut) <= limit)

    @given(st.binary(min_size=1), st.integers(0, 50))
    def test_any_bytes_are_cut(self, body, limit):
        """Bytes that are no text are cut too."""
        cut = limited(Answer(200, body), limit).body
        self.assertTrue(body.startswith(cut))
        self.assertLessEqual(len(cut), limit)
