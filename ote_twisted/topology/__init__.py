"""Who is where in the tree, and what follows from it. Pure."""
