"""The serverless mode: activations as requests to a platform that starts workers."""
