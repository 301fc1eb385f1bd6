"""ote-twisted: one control plane for a tree of edge clusters."""

__version__ = "0.1.0.dev0"
