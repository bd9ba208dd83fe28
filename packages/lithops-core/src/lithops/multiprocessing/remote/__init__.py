"""Shared state where processes of several machines reach it: in Redis."""
