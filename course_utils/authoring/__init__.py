"""What only an author of the course runs: from a notebook's text to its stored, executed master."""
