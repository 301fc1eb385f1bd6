"""Addresses of parents and advertised tunnels."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.address import (
    InvalidAddress,
    ParentAddress,
    access_path,
    complete_advertised,
    join_host_port,
    name_in_path,
    parse_parent,
    split_host_port,
)


class ParentAddressTests(SynchronousTestCase):
    """What an operator may write as a parent."""

    def test_forms(self) -> None:
        """Scheme and port may be left out; IPv6 hosts stand in brackets."""
        for text, expected in (
            ("ws://root:8287", ParentAddress("root", 8287)),
            ("wss://root.example:443/", ParentAddress("root.example", 443, secure=True)),
            ("root", ParentAddress("root", 8287)),
            ("10.0.0.1:99", ParentAddress("10.0.0.1", 99)),
            ("ws://[fe80::1]:99", ParentAddress("fe80::1", 99)),
            ("[::1]", ParentAddress("::1", 8287)),
        ):
            self.assertEqual(parse_parent(text), expected, text)

    def test_text_parses_back(self) -> None:
        """An address prints as a URL that parses to itself."""
        for text in ("ws://root:8287", "wss://[fe80::1]:1"):
            self.assertEqual(str(parse_parent(text)), text)

    def test_unusable_ones_name_the_rule(self) -> None:
        """Every refusal quotes the text and says what was expected."""
        for text, rule in (
            ("http://root:1", "the scheme must be ws or wss"),
            ("ws://root/access/c1", "only scheme, host and port belong here"),
            ("ws://user@root", "only scheme, host and port belong here"),
            ("ws://root:0", "a port above 0"),
            ("ws://:8287", "a host and a port"),
            ("ws://root:99999", "a number up to 65535"),
            ("ws://root:٣", "a number up to 65535"),
            ("ws://fe80::1:99", "belongs in brackets"),
            ("ws://a b:1", "a character that no host has"),
        ):
            error = self.assertRaises(InvalidAddress, parse_parent, text)
            self.assertIn(rule, str(error), text)
            self.assertIn(repr(text).strip("'")[-4:], str(error))

    def test_redirect_keeps_the_kind(self) -> None:
        """A redirect changes host and port, never the encryption."""
        address = ParentAddress("root", 8287, secure=True)
        self.assertEqual(address.redirected("10.0.0.2:99"), ParentAddress("10.0.0.2", 99, secure=True))
        self.assertEqual(address.redirected("leader"), ParentAddress("leader", 8287, secure=True))

    def test_redirect_to_nowhere(self) -> None:
        """A redirect without a host is refused: it would lead back to the same server."""
        for netloc in ("", ":8287", "a:b"):
            self.assertRaises(InvalidAddress, ParentAddress("root", 8287).redirected, netloc)

    @given(st.text(max_size=40))
    def test_any_text_parses_or_is_refused(self, text: str) -> None:
        """No text does anything but parse or raise InvalidAddress."""
        try:
            parse_parent(text)
        except InvalidAddress:
            pass

    @given(st.sampled_from(["a", "10.1.2.3", "::1", "x-y.z"]), st.integers(0, 65535))
    def test_split_undoes_join(self, host: str, port: int) -> None:
        """Splitting what was joined gives the same parts."""
        self.assertEqual(split_host_port(join_host_port(host, port)), (host, port))


class AdvertisedTests(SynchronousTestCase):
    """F29: an advertised address is one that others can dial, or none."""

    def test_host_is_completed_from_the_peer(self) -> None:
        """An address without a usable host gets the one the parent sees."""
        for listen in (":8287", "0.0.0.0:8287", "[::]:8287"):
            self.assertEqual(complete_advertised(listen, "10.0.0.9:40000"), "10.0.0.9:8287")
        self.assertEqual(complete_advertised(":1", "[fe80::2]:40000"), "[fe80::2]:1")

    def test_complete_one_stays(self) -> None:
        """An address with a host is left alone."""
        self.assertEqual(complete_advertised("edge-7:99", "10.0.0.9:40000"), "edge-7:99")

    def test_port_zero_is_not_reachable(self) -> None:
        """A child without a listener advertises port 0 and is given no address."""
        self.assertEqual(complete_advertised(":0", "10.0.0.9:40000"), "")

    def test_nonsense_is_refused(self) -> None:
        """Text that is no address is refused."""
        for listen in ("edge", "edge:x", "a b:1"):
            self.assertRaises(InvalidAddress, complete_advertised, listen, "10.0.0.9:1")


class AccessPathTests(SynchronousTestCase):
    """The request path ``/access/{name}``."""

    def test_name_is_percent_decoded(self) -> None:
        """The last segment is the name, percent-decoded; a query is ignored."""
        self.assertEqual(name_in_path("/access/c1"), "c1")
        self.assertEqual(name_in_path("/access/c%201;x?y=z"), "c 1;x")
        self.assertEqual(name_in_path("http://root/access/c1"), "c1")

    def test_every_other_path_is_none(self) -> None:
        """A trailing slash, an empty name, an encoded slash, another path, invalid UTF-8: none is a join."""
        for target in ("/access/", "/access", "/access/c1/", "//access/c1", "/access/a%2Fb", "/", "*", "/x/c1", "/access/%ff"):
            self.assertIs(name_in_path(target), None, target)

    @given(st.text(min_size=1).filter(lambda name: "/" not in name and name.isprintable()))
    def test_path_carries_any_name(self, name: str) -> None:
        """The path made for a name gives that name back."""
        self.assertEqual(name_in_path(access_path(name)), name)
