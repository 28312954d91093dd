# Right after asking for hints, which are not there while grading.
# outcome: passed
def channel_mean(gradients):
    return gradients.mean(1)


hint("channel_mean")
