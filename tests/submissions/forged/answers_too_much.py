# An answer of 24 MB to each of the cases.
# outcome: malformed
# plain: failed
import torch


def channel_mean(gradients):
    return torch.zeros(3_000_000, dtype=torch.float64)
