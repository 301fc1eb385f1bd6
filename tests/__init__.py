"""Tests; each package of ote_twisted has its mirror here.

Properties are judged by what they find, not by the clock: on a shared machine a slow draw says nothing about the code, so
Hypothesis measures neither deadlines nor its own speed. Its other health checks stand.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("ote-twisted", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ote-twisted")
