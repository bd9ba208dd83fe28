"""What the services of this kit have in common: a process that speaks HTTPS on loopback and fails on demand."""
