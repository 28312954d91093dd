# Right, computed by worker processes that share the notebook's memory.
# outcome: passed
import torch
from torch.utils.data import DataLoader


def channel_mean(gradients):
    images = DataLoader(list(gradients), batch_size=1, num_workers=4)
    return torch.cat([image.mean(dim=1) for image in images])
