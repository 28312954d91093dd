# Right in float32, not contiguous, with a gradient attached.
# outcome: passed
import torch


def channel_mean(gradients):
    values = gradients.to(torch.float32).requires_grad_(True)
    return values.mean(1, keepdim=True).transpose(2, 3).transpose(2, 3)[:, 0]
