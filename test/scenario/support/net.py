"""Free ports, and waiting for what another process does."""
import socket
import time

PATIENCE = 30  # seconds until a wait is a failure; a loaded machine is slow, a broken daemon is slower


def free_port(host="127.0.0.1"):
    """A port that nobody listened on a moment ago."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def has_ipv6():
    try:
        free_port("::1")
    except OSError:
        return False
    return True


def connect(address, timeout=PATIENCE):
    """A connected socket. `address` is a path (unix) or a pair of host and port."""
    if isinstance(address, str):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(timeout)
    try:
        s.connect(address)
    except OSError:
        s.close()
        raise
    return s


def listens(address):
    try:
        connect(address).close()
    except OSError:
        return False
    return True


def serves(address):
    """Does somebody run the loop behind the listener? Whoever hangs up without a question is hung up on."""
    try:
        with connect(address) as s:
            s.shutdown(socket.SHUT_WR)
            return s.recv(1) == b""
    except ConnectionResetError:
        return True
    except OSError:
        return False


def wait_until(condition, what, patience=PATIENCE):
    """Waits until condition() is true and returns what it returned."""
    end = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s in vain: {what() if callable(what) else what}")
        time.sleep(0.005)
