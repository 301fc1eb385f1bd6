"""Declarations of kinds: CustomResourceDefinition manifests and the built-in kinds of an embedded cluster."""
