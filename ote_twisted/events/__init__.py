"""What happened in the tree, as Kubernetes events."""
