"""What runs where the calls run. Imports nothing of the driver's rooms, so that it can be shipped alone."""
