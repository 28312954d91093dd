"""The exercises of lecture 7: critique."""
