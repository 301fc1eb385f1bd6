The wire tells which of a cluster's links carries, which hop is broken, where other parents are, and that an answer has arrived.
