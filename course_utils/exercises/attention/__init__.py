"""The exercises of lecture 5: attention."""
