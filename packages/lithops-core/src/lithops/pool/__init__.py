"""A pool of worker processes on one host, driven over byte streams."""
