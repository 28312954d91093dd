"""The exercises of lecture 3: integrated gradients."""
