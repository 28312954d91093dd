# Memory is asked for, and written to, until there is no more.
# outcome: out of memory
# other: not run
def channel_mean(gradients):
    blocks = []
    while True:
        blocks.append(bytearray(b"x" * 50_000_000))
