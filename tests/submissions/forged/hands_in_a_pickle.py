# The answers are replaced by bytes that would run a command if anybody unpickled them.
# outcome: malformed
# other: malformed
# plain: any
import os
import pickle

from course_utils import checking


class Command:
    def __reduce__(self):
        return os.system, ("touch {CANARY}.pickled",)


checking.pack = lambda name, answers: pickle.dumps(Command())


def channel_mean(gradients):
    return gradients.sum(dim=1)
