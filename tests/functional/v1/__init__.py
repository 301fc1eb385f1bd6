"""A peer that speaks ``ote.v1`` and nothing else, made from the description of the wire alone, in trees of ours."""
