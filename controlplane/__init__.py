"""The control plane: the REST API of keys, users, sessions and workers, and the rows behind it.

Files here decide: plain functions over frozen values, with `now` and chance as arguments. `io/` listens, stores and waits.
A session's final status is never written here first: it comes from the store's end record, by whatever way it arrives.
"""
