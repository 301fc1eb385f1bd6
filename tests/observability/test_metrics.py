"""Metrics read at scrape time."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted import __version__
from ote_twisted.observability.exposition import Exposition
from ote_twisted.observability.metrics import counter, counters_of, gauge, gauges_of


class Links:
    """A component that counts."""

    def __init__(self) -> None:
        self.opened = 0
        self.by_reason = {("slow",): 2, ("gone",): 1}


def scrape(exposition: Exposition) -> dict[str, float]:
    """Give every sample of a scrape; labels follow the name in order."""
    code, content_type, body = exposition.render()
    assert code == 200 and content_type.startswith("text/plain")
    families = text_string_to_metric_families(body.decode())
    return {" ".join((s.name, *sorted(s.labels.values()))): s.value for family in families for s in family.samples}


class ExpositionTests(SynchronousTestCase):
    """One exposition for one instance."""

    def test_read_at_scrape(self) -> None:
        """A counter shows what its component has counted by the moment of the scrape."""
        links = Links()
        exposition = Exposition("p", "c1", counters_of(links, "ote_links", {"opened": "Links opened."}), process=False)
        links.opened = 5
        self.assertEqual(scrape(exposition)["ote_links_opened_total"], 5)
        links.opened = 6
        self.assertEqual(scrape(exposition)["ote_links_opened_total"], 6)

    def test_labels(self) -> None:
        """A mapping shows one sample for each combination of label values."""
        measure = counter("ote_closed", "Links closed.", lambda: Links().by_reason, ["reason"])
        samples = scrape(Exposition("p", "c1", [measure], process=False))
        self.assertEqual((samples["ote_closed_total slow"], samples["ote_closed_total gone"]), (2, 1))

    def test_one_label(self) -> None:
        """With one label the mapping's keys may be plain texts."""
        measure = gauge("ote_log", "Events.", lambda: {"info": 3}, ["level"])
        self.assertEqual(scrape(Exposition("p", "c1", [measure], process=False))["ote_log info"], 3)

    def test_help_and_type(self) -> None:
        """Each metric carries its help text and type."""
        exposition = Exposition("p", "c1", [gauge("ote_depth", "Hops to the root.", lambda: 2)], process=False)
        body = exposition.render()[2].decode()
        self.assertIn("# HELP ote_depth Hops to the root.\n# TYPE ote_depth gauge\note_depth 2.0\n", body)

    def test_one_failing_measure_costs_only_itself(self) -> None:
        """A measure that fails is left out, logged and counted; the scrape succeeds."""
        measures = [gauge("ote_bad", "Fails.", lambda: 1 / 0), gauge("ote_good", "Works.", lambda: 1)]
        exposition = Exposition("p", "c1", measures, process=False)
        samples = scrape(exposition)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertNotIn("ote_bad", samples)
        self.assertEqual((samples["ote_good"], samples["ote_scrape_failed_reads_total"]), (1, 1))

    def test_names_are_unique(self) -> None:
        """Two measures of one name are refused at the start, without a reading."""
        twice = [gauge("ote_x", "X.", lambda: 1 / 0), gauge("ote_x", "X.", lambda: 1 / 0)]
        self.assertRaises(ValueError, Exposition, "p", "c1", twice, False)

    def test_misspelt_attribute(self) -> None:
        """An attribute that the component does not have is found when the measure is made."""
        self.assertRaises(AttributeError, gauges_of, Links(), "ote", {"oepned": "Links."})

    def test_two_instances(self) -> None:
        """Two instances in one process each show their own numbers and name."""
        one = scrape(Exposition("p", "c1", [gauge("ote_x", "X.", lambda: 1)]))
        two = scrape(Exposition("p", "c2", [gauge("ote_x", "X.", lambda: 2)]))
        self.assertEqual((one["ote_x"], two["ote_x"]), (1, 2))
        self.assertIn(f"ote_build_info {__version__} c1 p", one)
        self.assertIn(f"ote_build_info {__version__} c2 p", two)

    def test_process_metrics(self) -> None:
        """The process's memory and processor time are shown beside ours."""
        samples = scrape(Exposition("p", "c1", []))
        self.assertGreater(samples["process_resident_memory_bytes"], 0)
        self.assertIn("process_cpu_seconds_total", samples)

    def test_open_metrics(self) -> None:
        """A scraper that asks for OpenMetrics gets it."""
        _, content_type, body = Exposition("p", "c1", [], process=False).render("application/openmetrics-text; version=1.0.0")
        self.assertTrue(content_type.startswith("application/openmetrics-text"))
        self.assertTrue(body.endswith(b"# EOF\n"))
