"""A policy client, as polite or as rude as a test wants it."""
from .net import PATIENCE, connect


class Closed(Exception):
    """The server closed the connection; `rest` is what it had sent before."""

    def __init__(self, rest=b""):
        super().__init__(f"connection closed after {rest!r}")
        self.rest = rest


def render(attributes=None, **more):
    """A request as Postfix sends it. request= comes first unless it is given as None."""
    fields = {"request": "smtpd_access_policy", **(attributes or {}), **more}
    lines = [f"{name}={value}\n" for name, value in fields.items() if value is not None]
    return ("".join(lines) + "\n").encode("utf-8", "surrogateescape")


def rcpt(recipient="user@example.test", **more):
    """The attributes of a question at RCPT TO."""
    return {"protocol_state": "RCPT", "protocol_name": "ESMTP", "client_address": "192.0.2.1",
            "client_name": "client.example.test", "helo_name": "helo.example.test",
            "sender": "sender@example.test", "recipient": recipient, "instance": "1.2.3", **more}


class Client:
    def __init__(self, address, timeout=PATIENCE):
        self.socket = connect(address, timeout)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(1)

    def reply(self):
        """The next reply, raw, without its closing empty line."""
        while b"\n\n" not in self.pending:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed(self.pending)
            self.pending += data
        reply, self.pending = self.pending.split(b"\n\n", 1)
        return reply

    def action(self):
        """The next reply's action."""
        reply = self.reply().decode()
        if not reply.startswith("action="):
            raise AssertionError(f"not a reply: {reply!r}")
        return reply[len("action="):]

    def ask(self, attributes=None, **more):
        self.send(render(attributes, **more))
        return self.action()

    def rest(self):
        """Everything until the server closes."""
        data, self.pending = self.pending, b""
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece


def ask(address, attributes=None, **more):
    """One question on a connection of its own."""
    with Client(address) as client:
        return client.ask(attributes, **more)
