# Output without end.
# outcome: failed
# other: not run
# says: far more output
def channel_mean(gradients):
    while True:
        print("x" * 100_000, flush=True)
