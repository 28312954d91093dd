# One line of 60 MB, from a function that is right: the line is lost, the points are not.
# outcome: passed
# other: passed
def channel_mean(gradients):
    print("x" * 60_000_000, flush=True)
    return gradients.mean(dim=1)
