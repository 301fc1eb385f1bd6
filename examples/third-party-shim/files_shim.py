"""A directory is a cluster: GET, PUT and DELETE of ``/some/path`` act on the file of that path."""

import os
from pathlib import Path
from urllib.parse import unquote

from twisted.internet.defer import succeed
from zope.interface import implementer

from ote_twisted.errors import ConfigError
from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.answers import failure, refusal
from ote_twisted.tasks.model import Answer


def make_shim(settings):
    """Called by twistd: ``settings["state"]`` is the folder of ``--state``."""
    if "state" not in settings:
        raise ConfigError("the files shim keeps its files in a folder: give --state DIR")
    return FilesShim(Path(settings["state"]) / "files")


@implementer(IClusterShim)
class FilesShim:
    """Keeps each body as a file below one folder."""

    def __init__(self, root):
        self.root = Path(root).absolute()

    def start(self, cluster, host):
        """The cluster is there as soon as its folder is."""
        self.root.mkdir(parents=True, exist_ok=True)
        host.shim_state(True, f"{cluster} is the folder {self.root}")
        return succeed(None)

    def stop(self):
        """Nothing is open between two tasks."""
        return succeed(None)

    def perform(self, task):
        """Answer one task. What goes wrong with a file is an answer too, not a failure."""
        refused = refusal(task, {"files"}, ("GET", "PUT", "DELETE"))
        if refused is None:
            try:
                refused = getattr(self, task.method.lower())(self.path_of(task.uri), task.body)
            except (FileNotFoundError, NotADirectoryError):
                refused = failure(404, f"no file at {task.uri}")
            except (OSError, ValueError) as error:
                refused = failure(409, f"{task.uri}: {error}")
        return succeed(refused)

    def describe(self):
        """What the tree shows of this cluster."""
        used = sum(1 for each in self.root.rglob("*") if each.is_file())
        return succeed({"kind": "files", "version": "1", "nodes": 1, "capacity": {"files": str(used)}})

    def path_of(self, uri):
        """The file's path; never outside the folder, not even through a link."""
        path = (self.root / unquote(uri.partition("?")[0]).lstrip("/")).resolve()
        if not path.is_relative_to(self.root.resolve()) or path == self.root.resolve():
            raise FileNotFoundError(uri)
        return path

    def get(self, path, _):
        """The content, or the names in a folder."""
        if path.is_dir():
            return Answer(200, "\n".join(sorted(os.listdir(path))).encode())
        return Answer(200, path.read_bytes())

    def put(self, path, body):
        """Write whole files only: a reader sees the old one or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        code = 200 if path.exists() else 201
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(body)
        partial.replace(path)
        return Answer(code, body)

    def delete(self, path, _):
        """Remove a file."""
        path.unlink()
        return Answer(200)
