"""What travels to where workers run: the core, and the packages that plugins need there."""
