"""From a job to activations, and from reports to the job's table."""
