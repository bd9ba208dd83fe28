"""The HTTP engine: thousands of requests under way on one thread, whatever backend they are for."""
