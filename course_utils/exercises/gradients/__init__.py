"""The exercises of lecture 1: gradients."""
