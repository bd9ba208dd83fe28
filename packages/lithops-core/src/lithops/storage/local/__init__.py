"""The store that needs nothing: objects are files of this user's own, on this machine."""
