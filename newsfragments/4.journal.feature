The store keeps, beside objects and the books of tasks, what a controller has begun and performed, which messages it owes, and a few small
values such as its identity; a store of an earlier release is upgraded at the start, after a backup.
