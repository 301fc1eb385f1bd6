"""Selection as one would first write it: every cluster is asked. No code of the product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate


class Plain:
    """Clusters by name, with labels and tags."""

    def __init__(self, clusters: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]]) -> None:
        self.clusters = clusters

    def labelled(self, key: str, value: str) -> list[str]:
        """Names of those that have the label."""
        return sorted([name for name, (labels, _) in self.clusters.items() if labels.get(key) == value])

    def like(self, pattern: str) -> list[str]:
        """Names of those whose name or one of whose tags matches."""
        matches = re.compile(translate(pattern)).match
        return sorted([name for name, (_, tags) in self.clusters.items() if matches(name) or any(map(matches, tags))])
