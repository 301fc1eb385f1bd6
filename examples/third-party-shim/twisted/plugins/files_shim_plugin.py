"""Tells twistd that there is a shim of kind ``files``."""

from ote_twisted.shim.plugin import ShimMaker

files = ShimMaker("files", "A directory is a cluster.", "files_shim.make_shim")
