"""Lines of the log."""

from __future__ import annotations

import json
from io import StringIO

from twisted.application.service import Application, IServiceCollection
from twisted.logger import ILogObserver, InvalidLogLevelError, Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.observability.logging import LineObserver, LoggedService, make_observer


class Unshowable:
    """A value without a text."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def logged(form: str, level: str = "info") -> tuple[Logger, StringIO, LineObserver]:
    """Give a logger, where its lines go, and the observer between them."""
    stream = StringIO()
    observer = make_observer(stream, form, level)
    return Logger("ote_twisted.tests", observer=observer), stream, observer


class TextTests(SynchronousTestCase):
    """Lines for people."""

    def test_line(self) -> None:
        """A line has time, level, origin and message."""
        log, stream, _ = logged("text")
        log.warn("link to {peer} lost", peer="c1")
        self.assertRegex(
            stream.getvalue(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn +ote_twisted\.tests: link to c1 lost\n$"
        )

    def test_failure(self) -> None:
        """A failure is written with its traceback."""
        log, stream, _ = logged("text")
        log.failure("broken", Failure(ValueError("why")))
        self.assertIn("broken\n", stream.getvalue())
        self.assertIn("ValueError: why", stream.getvalue())

    def test_secrets(self) -> None:
        """A secret in a message or traceback is hidden."""
        log, stream, _ = logged("text")
        log.failure("with {header}", Failure(ValueError("token=hunter2")), header="Bearer hunter2222")
        self.assertNotIn("hunter2", stream.getvalue())


class JsonTests(SynchronousTestCase):
    """Lines for collectors."""

    def line(self, text: str, **fields: object) -> dict[str, object]:
        """Log one event and parse its line."""
        log, stream, _ = logged("json")
        log.info(text, **fields)
        self.assertEqual(stream.getvalue().count("\n"), 1)
        parsed: dict[str, object] = json.loads(stream.getvalue())
        return parsed

    def test_fields(self) -> None:
        """Named fields stand beside the message, numbers as numbers."""
        line = self.line("{n} links\nto {peer}", n=3, peer="c1")
        self.assertEqual((line["message"], line["n"], line["peer"]), ("3 links\nto c1", 3, "c1"))
        self.assertEqual((line["level"], line["logger"]), ("info", "ote_twisted.tests"))

    def test_secret_fields(self) -> None:
        """A field with a secret's name is hidden, and so is a secret in any field's text."""
        line = self.line("joined", join_token="hunter2", url="http://u:hunter2@h/", body=b"password=hunter2")
        self.assertNotIn("hunter2", json.dumps(line))
        self.assertEqual(line["join_token"], "[hidden]")

    def test_any_value(self) -> None:
        """Values without a text, or that are not UTF-8, do not cost the line."""
        line = self.line("odd", one=Unshowable(), two=b"\xff", three=None, four=[1])
        self.assertEqual((line["one"], line["two"], line["three"], line["four"]), ("<Unshowable>", "\\xff", None, "[1]"))

    def test_failure(self) -> None:
        """A traceback is a field of its line."""
        log, stream, _ = logged("json")
        log.failure("broken", Failure(ValueError("why")))
        self.assertIn("ValueError: why", json.loads(stream.getvalue())["traceback"])


class LineObserverTests(SynchronousTestCase):
    """Levels and streams."""

    def test_contract(self) -> None:
        """It is an observer as Twisted wants it."""
        verifyObject(ILogObserver, logged("text")[2])

    def test_level_changes_at_run_time(self) -> None:
        """What is below the level is not written, from the moment the level is set."""
        log, stream, observer = logged("text", "warn")
        log.info("quiet")
        observer.set_level("debug")
        log.debug("loud")
        self.assertNotIn("quiet", stream.getvalue())
        self.assertIn("loud", stream.getvalue())

    def test_unknown_level(self) -> None:
        """An unknown level is refused and the former stays."""
        self.assertRaises(InvalidLogLevelError, logged("text")[2].set_level, "loud")

    def test_counts(self) -> None:
        """Events are counted by level, written or not."""
        log, _, observer = logged("text", "error")
        log.info("a")
        log.error("b")
        self.assertEqual((observer.counts["info"], observer.counts["error"], observer.counts["debug"]), (1, 1, 0))

    def test_broken_stream(self) -> None:
        """A closed stream loses the line, not the program."""
        log, stream, _ = logged("text")
        stream.close()
        log.info("lost")

    def test_twistd_asks_the_application(self) -> None:
        """The root service makes its observer the application's, and its children are started as usual."""
        observer = logged("text")[2]
        application = Application("test")
        service = LoggedService(observer)
        service.setServiceParent(application)
        self.assertIdentical(application.getComponent(ILogObserver), observer)
        self.assertEqual(list(IServiceCollection(application)), [service])
