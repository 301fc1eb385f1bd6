"""The cluster controller: a node of the tree."""
