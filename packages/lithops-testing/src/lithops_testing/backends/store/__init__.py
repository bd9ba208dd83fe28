"""The reference storage backend, for the object store of this kit."""
