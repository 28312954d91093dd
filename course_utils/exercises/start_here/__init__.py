"""The practice exercise of the first notebook."""
