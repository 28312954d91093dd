"""What only an instructor runs."""
