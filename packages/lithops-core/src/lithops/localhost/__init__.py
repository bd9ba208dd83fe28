"""The localhost mode: a pool of warm worker processes on this machine."""
