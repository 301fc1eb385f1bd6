"""Who could be the parent, as parents tell."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.knowledge import OF_A_KIND, Knowledge
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.tunnel.address import ParentAddress, parse_parent
from ote_twisted.wire.notices import Ancestry, Neighbour, Neighbourhood

HOME = parse_parent("wss://a.example")


def others(*names: str) -> tuple[Neighbour, ...]:
    """Controllers that listen at their names."""
    return tuple(Neighbour(name, f"{name}:8287") for name in names)


class KnowledgeTests(SynchronousTestCase):
    """Learning and forgetting."""

    def setUp(self) -> None:
        """One configured parent, by TLS."""
        self.knowledge = Knowledge("own", "own:8287", [HOME], FailoverSettings(), lambda: 0.5)

    def shown(self) -> list[tuple[str, str]]:
        """Name and kind of each candidate, in order."""
        return [(each.name, each.kind.name) for each in self.knowledge]

    def test_tls_is_inherited(self) -> None:
        """A learnt address is reached in the way in which its teacher is reached."""
        self.knowledge.path_told(HOME, Ancestry(("a", "root"), True, ("a:1", "root:2")))
        self.assertEqual([each.address for each in self.knowledge], [HOME, ParentAddress("root", 2, secure=True)])

    def test_unusable_addresses(self) -> None:
        """Addresses that are none, those without a port, our own and nameless ones are left out."""
        told = (
            Neighbour("x", "x x:1"),
            Neighbour("y", "y:0"),
            Neighbour("z", ""),
            Neighbour("w", "own:8287"),
            Neighbour("", "v:1"),
        )
        self.knowledge.neighbours_told(HOME, Neighbourhood(told, ()))
        self.assertEqual(len(list(self.knowledge)), 1)

    def test_addresses_of_another_machine(self) -> None:
        """What a parent on another machine calls its own machine is not ours; a parent on ours means ours by it."""
        hosts = ("127.0.0.2", "localhost", "[::1]", "h")
        told = Neighbourhood(tuple(Neighbour(f"n{at}", f"{host}:1") for at, host in enumerate(hosts)))
        self.knowledge.neighbours_told(HOME, told)
        self.assertEqual([each.address.host for each in self.knowledge][1:], ["h"])
        self.knowledge.neighbours_told(parse_parent("ws://127.0.0.1"), told)
        self.assertEqual(len(list(self.knowledge)), 5)

    def test_by_name(self) -> None:
        """A configured parent that is told of as well is one candidate, at its configured address (F41)."""
        self.knowledge.named(self.knowledge.configured[0], "a")
        self.knowledge.neighbours_told(HOME, Neighbourhood(others("a", "s")))
        self.assertEqual([str(each.address) for each in self.knowledge], ["wss://a.example:8287", "wss://s:8287"])

    def test_no_address_twice(self) -> None:
        """Two names at one address are one candidate."""
        told = (Neighbour("s", "host:1"), Neighbour("t", "host:1"))
        self.knowledge.neighbours_told(HOME, Neighbourhood(told))
        self.assertEqual(len(list(self.knowledge)), 2)

    def test_moved(self) -> None:
        """A controller that is told of at another address is known there alone."""
        self.knowledge.neighbours_told(HOME, Neighbourhood(others("s")))
        self.knowledge.neighbours_told(HOME, Neighbourhood((Neighbour("s", "elsewhere:1"),)))
        self.assertEqual([each.address.netloc for each in self.knowledge][1:], ["elsewhere:1"])

    def test_what_is_told_no_more_is_a_last_resort(self) -> None:
        """Those that a parent tells no more of, and all that an earlier parent told, come last (F47)."""
        self.knowledge.neighbours_told(HOME, Neighbourhood(others("s1", "s2"), others("u")))
        self.knowledge.neighbours_told(HOME, Neighbourhood(others("s2")))
        self.assertEqual(self.shown()[1:], [("u", "PARENT_SIBLING"), ("s2", "SIBLING"), ("s1", "FORMER")])
        self.knowledge.another_parent()
        self.knowledge.neighbours_told(HOME, Neighbourhood(others("s3")))
        self.assertEqual([kind for _, kind in self.shown()[1:]], ["SIBLING", "FORMER", "FORMER", "FORMER"])

    def test_a_parent_without_a_way_takes_nothing_away(self) -> None:
        """What a parent told of the way up stays when it has lost its own: it is needed then."""
        self.knowledge.path_told(HOME, Ancestry(("a", "root"), True, ("a:1", "root:2")))
        self.knowledge.path_told(HOME, Ancestry(("a",), False, ("a:1",)))
        self.knowledge.neighbours_told(HOME, Neighbourhood())
        self.assertEqual(self.shown()[1:], [("root", "ANCESTOR")])

    def test_bounded(self) -> None:
        """However many are told of, a bounded number of each kind is remembered."""
        for turn in range(10):
            names = [f"s{turn}-{number}" for number in range(60)]
            self.knowledge.neighbours_told(HOME, Neighbourhood(others(*names), others(*(f"u{name}" for name in names))))
        self.assertEqual(len(self.shown()), 1 + 3 * OF_A_KIND)

    def test_a_path_without_addresses(self) -> None:
        """A path that tells no addresses tells names alone."""
        self.knowledge.path_told(HOME, Ancestry(("a", "root"), True))
        self.assertEqual(len(self.shown()), 1)
