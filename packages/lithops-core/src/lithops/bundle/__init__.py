"""What travels to where workers run: the worker's part of the core, and the packages that plugins need there."""
