"""Another policy service, as good or as bad as a test wants it."""
import socket
import threading

from .net import PATIENCE


def parse(request):
    return dict(line.split("=", 1) for line in request.decode("utf-8", "surrogateescape").split("\n") if line)


class Service:
    """Answers every request with an action: a text, or a function of the attributes. None: it hangs.

    raw   sends the answer as it stands, without "action=" and the empty line, and closes the connection
    """

    def __init__(self, answer="DUNNO", raw=False, path=None, host="127.0.0.1"):
        self.answer, self.raw = answer, raw
        self.requests = []      # attributes of all that arrived whole
        self.connections = 0
        self._open = []
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(100)
            self.address = f"unix:{path}"
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listener = socket.create_server((host, 0), family=family, backlog=100)
            port = self.listener.getsockname()[1]
            self.address = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """From now on connections are refused, and those that are open end."""
        for s in (self.listener, *self._open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(PATIENCE * 4)
        pending = b""
        try:
            while data := connection.recv(65536):
                pending += data
                while b"\n\n" in pending:
                    request, pending = pending.split(b"\n\n", 1)
                    self._reply(connection, parse(request))
        except OSError:
            pass

    def _reply(self, connection, attributes):
        self.requests.append(attributes)
        answer = self.answer(attributes) if callable(self.answer) else self.answer
        if answer is None:
            return
        if self.raw:
            connection.sendall(answer.encode())
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(f"action={answer}\n\n".encode())
