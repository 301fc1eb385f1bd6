"""Tasks: what a ``ClusterController`` object asks for, per target, until each has answered."""
