"""Kinds of objects as manifests: those of the tree and those of an embedded cluster. Data, with a pure reader."""
