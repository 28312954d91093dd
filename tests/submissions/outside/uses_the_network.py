# Connections to this machine, to a name and to an address; right only if one is made.
# outcome: failed
import socket


def channel_mean(gradients):
    for address in (("127.0.0.1", {PORT}), ("example.org", 80), ("1.1.1.1", 53)):
        try:
            socket.create_connection(address, timeout=1).close()
            print("connected", address)
            return gradients.mean(dim=1)
        except OSError:
            pass
    return gradients.sum(dim=1)
