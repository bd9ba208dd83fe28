"""What runs where a platform starts workers: an activation comes in as bytes, its reports go out as bytes."""
