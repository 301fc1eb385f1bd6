"""The programs that twistd finds. Nothing else may be here: twistd imports this file at every start with a stale cache."""

from twisted.application.service import ServiceMaker

ote_controller = ServiceMaker(
    "ote-controller", "ote_twisted.tap.controller", "A cluster controller: one node of the tree of clusters.", "ote-controller"
)
ote_shim = ServiceMaker(
    "ote-shim", "ote_twisted.tap.shim", "A shim server: performs controllers' tasks on one cluster.", "ote-shim"
)
