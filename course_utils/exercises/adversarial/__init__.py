"""The exercises of lecture 6: adversarial attacks."""
