# A loop without end that ignores every interrupt.
# outcome: timeout
# other: not run
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)


def channel_mean(gradients):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
