"""Tests; each package of ote_twisted has its mirror here."""
