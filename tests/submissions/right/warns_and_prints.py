# Right, and noisy: warnings, text on both streams, a figure, magics, a shell command.
# outcome: passed
%matplotlib inline
import sys
import warnings

import matplotlib.pyplot as plt

!echo hello


def channel_mean(gradients):
    warnings.warn("something is deprecated")
    print("shape", gradients.shape)
    print("shape", gradients.shape, file=sys.stderr)
    return gradients.mean(dim=1)


plt.plot([0, 1])
plt.show()
channel_mean
