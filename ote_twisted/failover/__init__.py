"""Which parent a controller is below: the choice, and the links to parents."""
