"""From what the user submits to a job: binding, capture, partitioning, serializing, the job table."""
