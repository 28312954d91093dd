# Right in a notebook that changes torch's defaults and seeds, as many do.
# outcome: passed
import random

import numpy as np
import torch

torch.manual_seed(0)
np.random.seed(0)
random.seed(0)
torch.set_default_dtype(torch.float64)
torch.set_printoptions(precision=2)
torch.set_num_threads(2)
torch.set_grad_enabled(True)


def channel_mean(gradients: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(gradients[:, 0])
    for channel in gradients.unbind(1):
        total = total + channel
    return total / gradients.shape[1]
