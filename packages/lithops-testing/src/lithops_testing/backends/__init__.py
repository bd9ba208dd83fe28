"""Backends for the services of this kit. They pass every suite, and are there to be copied.

Being installed would make them a choice in every configuration, so they are found only where a test asks for it: see
`lithops_testing.installing`.
"""
