"""The documentation site."""

from __future__ import annotations

import sys
from pathlib import Path

from ote_twisted import __version__

project = "ote-twisted"
author = "The ote-twisted developers"
copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
# Examples show TOML and shell lines with placeholders, which need not parse.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}

html_theme = "furo"
html_title = f"ote-twisted {release}"

sys.path.insert(0, str(Path(__file__).resolve().parent))
from reference import write_reference  # noqa: E402 - it stands beside this file

write_reference()
