# One tensor of a terabyte.
# outcome: failed
# other: passed
import torch


def channel_mean(gradients):
    return torch.zeros(10**11, dtype=torch.float64)
