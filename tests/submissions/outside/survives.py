# A process that detaches itself and would go on after the grading.
# outcome: failed
import subprocess
import sys

subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(3600)  # {MARK}"], start_new_session=True
)


def channel_mean(gradients):
    return gradients.sum(dim=1)
