Two controllers that run from copies of one state folder are found where their ways meet: the older is refused, and the event `DuplicateIdentity` tells through whom each is reached.
