"""The exercises of lecture 4: activation maps."""
