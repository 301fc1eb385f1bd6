"""Secrets do not reach a log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.observability.scrub import names_secret, scrub

SECRETS = st.text("abcdefABCDEF0123456789._-", min_size=8, max_size=40)
PLACES = st.sampled_from(
    [
        "Authorization: Bearer {}",
        "authorization: bearer {}",
        "Authorization: Basic {}",
        "http://user:{}@proxy.example:3128",
        "connect to wss://{}@host/x failed",
        "token={}",
        "--token={} next",
        '"password": "{}"',
        "{{'client_secret': '{}'}}",
        "api_key={}&x=1",
        "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n{}",
    ]
)


class ScrubTests(SynchronousTestCase):
    """Texts without their secrets."""

    @given(SECRETS, PLACES)
    def test_no_secret_is_left(self, secret: str, place: str) -> None:
        """Whatever a credential looks like, it is gone from every place where credentials stand."""
        self.assertNotIn(secret, scrub(place.format(secret)))

    @given(st.text(max_size=200))
    def test_scrubbing_twice_is_scrubbing_once(self, text: str) -> None:
        """A scrubbed text has nothing left to scrub."""
        self.assertEqual(scrub(scrub(text)), scrub(text))

    def test_ordinary_text_is_left(self) -> None:
        """What is no secret stays readable."""
        for text in ("link to ws://127.0.0.1:8287 lost: timeout", "task 12 for north-1: 404", "GET /api/v1/secrets?limit=5"):
            self.assertEqual(scrub(text), text)

    def test_field_names(self) -> None:
        """Fields are known as secret by their names."""
        self.assertTrue(all(map(names_secret, ("token", "join_token", "Authorization", "private_key", "apiKey"))))
        self.assertFalse(any(map(names_secret, ("peer", "cluster", "reason"))))
