Every controller tells of every cluster whether it can be reached, and if not, via which hop the way is broken, since when and why, as the
one nearest to the break saw it: conditions `Ready`, `Reachable` and `Synced`, `asOf` and `brokenHop` of `Cluster` objects, and
`unreachable via bj, 12s` in `otectl tree`; wrong clocks have no effect.
