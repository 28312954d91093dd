# Right as a subclass of Tensor, from a callable object, by way of numpy.
# outcome: passed
import numpy as np
import torch


class Map(torch.Tensor):
    pass


class ChannelMean:
    def __call__(self, gradients):
        return torch.from_numpy(np.mean(gradients.numpy(), axis=1)).as_subclass(Map)


channel_mean = ChannelMean()
