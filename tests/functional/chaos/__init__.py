"""A tree of real processes under load, any of which is killed at any moment: nothing may be lost or done twice."""
