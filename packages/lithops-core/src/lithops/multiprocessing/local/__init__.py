"""Shared state on this machine: a manager process behind a private Unix socket."""
