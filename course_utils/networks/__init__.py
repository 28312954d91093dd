"""The architectures of the course's networks, one a file."""
