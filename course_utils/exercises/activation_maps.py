"""The exercises of this lecture."""
