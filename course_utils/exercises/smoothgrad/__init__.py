"""The exercises of lecture 2: SmoothGrad."""
