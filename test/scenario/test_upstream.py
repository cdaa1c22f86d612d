"""Other policy servers behind the daemon: real ones, hung ones, killed ones, and ones that restart."""
import concurrent.futures
import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from support.client import Client, rcpt, render
from support.daemon import BINARY, LONG, SANITIZED, Daemon, Directory, environment
from support.net import PATIENCE, connect, free_port, listens, wait_until

ASK = "acl all time 00:00-24:00\naction ask POLICY g\naccess all ask\n"
LOST = "REJECT lost"


def service(port, **settings):
    return {"address": f"inet:127.0.0.1:{port}", "group": "g", **settings}


class Server:
    """A policy server in threads: answer(request) gives the bytes that are sent back."""

    def __init__(self, answer=lambda request: b"action=OK\n\n", unix=None):
        self.answer, self.requests = answer, []
        if unix:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.bind(str(unix))
            self.socket.listen()
            os.chmod(unix, 0o666)
        else:
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        pending = b""
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(65536):
                pending += data
                while b"\n\n" in pending:
                    request, pending = pending.split(b"\n\n", 1)
                    self.requests.append(request + b"\n\n")
                    connection.sendall(self.answer(request))


class Program:
    """A server process: started, stopped, killed by its pid. One that goes into the background has a pidfile."""

    def __init__(self, command, port, pidfile=None):
        self.command, self.port, self.pidfile = list(map(str, command)), port, pidfile
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=environment())
        return self

    def wait_ready(self):
        def answers():
            with contextlib.suppress(OSError), Client(("127.0.0.1", self.port), timeout=5) as client:
                return client.ask(rcpt())
        wait_until(answers, f"{self.command[0]} answers")
        return self

    @property
    def pid(self):
        return int(self.pidfile.read_text()) if self.pidfile else self.process.pid

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        with contextlib.suppress(OSError, ValueError):
            self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE)


def floor(port, *arguments):
    """The fastest server there is; always DUNNO, or what another one says."""
    return Program([BINARY, "bench", "--floor", "--listen", f"inet:127.0.0.1:{port}", *arguments], port)


def bench(daemon, *arguments):
    """Load, and what came of it."""
    command = [BINARY, "bench", "--target", f"inet:127.0.0.1:{daemon.inet[1]}", "--json", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800, env=environment())
    if not result.stdout:
        raise AssertionError(f"the load failed: {result.stderr}")
    return json.loads(result.stdout)


class Passing(unittest.TestCase):
    def test_attributes_are_passed_on_as_they_came_and_the_answer_comes_back(self):
        attributes = rcpt(size="0", **{"x-unknown": "a=b  c", "big": "x" * 8192, "empty": "", "utf8": "ä"})
        with Server(lambda request: b"action=PREPEND X-By: other\n\n") as other, \
                Daemon(ASK, sections={"service a": service(other.port)}) as daemon:
            self.assertEqual(daemon.ask(attributes), "PREPEND X-By: other")
            self.assertEqual(other.requests, [render(attributes)])

    def test_clients_leave_descriptors_to_services(self):
        descriptors, clients = 128, 120
        with Server(lambda request: b"action=OK theirs\n\n") as other, \
                Daemon(ASK, sections={"service a": service(other.port)},
                       limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) as daemon:
            daemon.wait_log("max_connections: 64 of 10000, since only 128 descriptors may be open")

            def ask(_):
                with daemon.client() as client:
                    return client.ask(rcpt())
            with concurrent.futures.ThreadPoolExecutor(clients) as threads:
                self.assertEqual(set(threads.map(ask, range(clients))), {"OK theirs"})

    def test_acting_tests_are_never_asked_for_a_line_that_is_not_reached(self):
        policy = ("acl known sender match=exact a@b.example\nacl grey service g ^defer\n"
                  "action yes OK\naction later DEFER ${acl.grey.answer}\naccess known yes\naccess grey later\n")
        with Server(lambda request: b"action=DEFER_IF_PERMIT wait\n\n") as other, \
                Daemon(policy, sections={"service a": service(other.port)}) as daemon:
            self.assertEqual(daemon.ask(rcpt(sender="a@b.example")), "OK")
            self.assertEqual(other.requests, [])
            self.assertEqual(daemon.ask(rcpt()), "DEFER DEFER_IF_PERMIT wait")
            self.assertEqual(len(other.requests), 1)

    def test_a_service_behind_a_unix_socket_that_comes_later(self):
        place = Directory()
        self.addCleanup(place.remove)
        path = place.path / "service.sock"
        with Daemon(ASK, sections={"service a": {"address": f"unix:{path}", "group": "g"}}) as daemon:
            self.assertEqual(daemon.ask(rcpt()), "451 4.3.5 Policy service unavailable")
            daemon.wait_log("service a .*: off for .*: no connection: No such file or directory")
            with Server(lambda request: b"action=INFO unix\n\n", path):
                wait_until(lambda: daemon.ask(rcpt()) == "INFO unix", "the service is on again")
            daemon.wait_log("service a .*: on again after")

    def test_a_reload_takes_services_away_and_brings_others(self):
        with Server(lambda r: b"action=INFO one\n\n") as one, Server(lambda r: b"action=INFO two\n\n") as two, \
                Daemon(ASK, sections={"service a": service(one.port)}) as daemon, daemon.client() as client:
            self.assertEqual(client.ask(rcpt()), "INFO one")
            daemon.sections = {"service b": service(two.port)}
            daemon.write_main()
            daemon.reload()
            daemon.wait_log("reloaded")
            self.assertEqual(client.ask(rcpt(instance="")), "INFO two")

    def test_all_services_down_is_still_an_answer(self):
        sections = {"service a": service(free_port()), "group g": {"default_action": "DEFER later"}}
        with Daemon(ASK, sections=sections) as daemon:
            for _ in range(3):
                self.assertEqual(daemon.ask(rcpt()), "DEFER later")
            daemon.wait_log("service a .*: off for .*: no connection: Connection refused")
            self.assertEqual(daemon.log().count("off for"), 1)


class Floor(unittest.TestCase):
    """What the bench compares with."""

    def test_as_a_relay_it_passes_on_whatever_comes(self):
        with Server(lambda request: b"action=REJECT " + request.split(b"sender=")[1].split(b"\n")[0] + b"\n\n") as server:
            relay = floor(free_port(), "--relay-to", f"inet:127.0.0.1:{server.port}")
            self.addCleanup(relay.kill)
            relay.start().wait_ready()
            request = render(rcpt())
            with connect(("127.0.0.1", relay.port)) as client:
                for piece in (request[:20], request[20:], request):
                    client.sendall(piece)
                    if piece.endswith(b"\n\n"):
                        self.assertEqual(client.recv(4096), b"action=REJECT " + rcpt()["sender"].encode() + b"\n\n")
                self.assertEqual(server.requests[-2:], [request, request])

    def test_a_relay_whose_server_is_gone_hangs_up(self):
        dead = self.enterContext(socket.socket())
        dead.bind(("127.0.0.1", 0))  # and never listens
        relay = floor(free_port(), "--relay-to", f"inet:127.0.0.1:{dead.getsockname()[1]}")
        self.addCleanup(relay.kill)
        relay.start()
        wait_until(lambda: listens(("127.0.0.1", relay.port)), "the relay listens")
        with connect(("127.0.0.1", relay.port)) as client:
            self.assertEqual(client.recv(1), b"")


class Restarts(unittest.TestCase):
    def test_no_request_is_lost_while_a_service_restarts(self):
        count, pause = (1_000_000, 1.0) if LONG else (20_000 if SANITIZED else 60_000, 0.3)
        steady, restarting = floor(free_port()), floor(free_port())
        with contextlib.ExitStack() as stack:
            for program in (steady, restarting):
                stack.callback(program.kill)
                program.start().wait_ready()
            daemon = stack.enter_context(Daemon(ASK, sections={
                "service steady": service(steady.port), "service restarting": service(restarting.port),
                "group g": {"default_action": LOST}}))
            done = threading.Event()

            def restart():
                while not done.wait(pause):
                    restarting.kill()
                    restarting.start()
            restarter = threading.Thread(target=restart)
            restarter.start()
            try:
                report = bench(daemon, "--connections", 100, "--count", count, "--duration", "30m")
            finally:
                done.set()
                restarter.join()
            self.assertGreaterEqual(report["answers"], count)
            self.assertEqual((report["failures"], report["unanswered"]), (0, 0))
            self.assertNotIn(LOST, daemon.log())
            self.assertIn("service restarting", daemon.log())


@unittest.skipUnless(shutil.which("postgrey") and shutil.which("postfwd1") and os.geteuid() == 0,
                     "needs postgrey, postfwd and root")
class RealPeers(unittest.TestCase):
    TIMEOUT = 4
    MOST_CONNECTIONS = 16
    # What one or the other says to mail that neither has seen before.
    ANSWERS = {"DUNNO", "INFO from postfwd"}

    def start(self, stack):
        place = Directory()
        stack.callback(place.remove)
        postgrey_state = place.path / "postgrey"
        postgrey_state.mkdir()
        shutil.chown(postgrey_state, "postgrey", "postgrey")
        ports = {name: free_port() for name in ("postgrey", "killed", "steady")}
        self.programs = {"postgrey": Program(
            ["postgrey", f"--inet=127.0.0.1:{ports['postgrey']}", f"--dbdir={postgrey_state}",
             f"--pidfile={postgrey_state}/pid", "--delay=1"], ports["postgrey"])}
        rules = place.write("postfwd.cf", "id=R1; sender=~.; action=INFO from postfwd\n")
        for name in ("killed", "steady"):
            state = place.path / name
            state.mkdir()
            shutil.chown(state, "nobody", "nogroup")
            self.programs[name] = Program(
                ["postfwd1", "-d", "-n", "-f", rules, "-i", "127.0.0.1", "-p", ports[name], "-u", "nobody",
                 "-g", "nogroup", "--pidfile", state / "pid"], ports[name], state / "pid")
        for program in self.programs.values():
            stack.callback(program.kill)
            program.start().wait_ready()
        return {f"service {name}": service(port, timeout=f"{self.TIMEOUT}s", max_connections=self.MOST_CONNECTIONS)
                for name, port in ports.items()}

    def test_one_stopped_and_one_killed_under_load_of_100_connections(self):
        with contextlib.ExitStack() as stack:
            sections = self.start(stack)
            daemon = stack.enter_context(Daemon(ASK, sections={**sections, "group g": {"default_action": LOST}}))
            load = Load(daemon.first_address(), 100)
            stack.callback(load.close)
            load.run_until(lambda: len(load.answers) > 500)
            self.programs["postgrey"].signal(signal.SIGSTOP)
            stopped_at = time.monotonic()
            load.run_until(lambda: len(load.answers) > 1500)
            self.programs["killed"].signal(signal.SIGKILL)
            load.run_until(lambda: time.monotonic() > stopped_at + self.TIMEOUT + 2
                           and not load.waits_since(stopped_at + 1))
            self.assertEqual(load.broken, 0)
            wrong = {action for action, _ in load.answers if action not in self.ANSWERS
                     and not action.startswith(("DEFER_IF_PERMIT Greylisted", "PREPEND X-Greylist:"))}
            self.assertEqual(wrong, set())
            late = sum(took > self.TIMEOUT * 0.9 for _, took in load.answers)
            self.assertLessEqual(late, self.MOST_CONNECTIONS)
            daemon.wait_log("service postgrey .*: off for .*: no answer in time")
            daemon.wait_log("service killed .*: off for")


class Load:
    """Clients that ask again as soon as they were answered, each about a message of its own every time."""

    def __init__(self, address, connections):
        self.poll = select.epoll()
        self.clients, self.asked, self.pending = {}, {}, {}
        self.answers, self.broken, self.number = [], 0, 0
        for _ in range(connections):
            client = connect(address)
            self.clients[client.fileno()] = client
            self.poll.register(client, select.EPOLLIN)
            self.ask(client.fileno())

    def ask(self, fd):
        self.number += 1
        n = self.number
        self.asked[fd], self.pending[fd] = time.monotonic(), b""
        self.clients[fd].sendall(render(rcpt(f"user{n}@example.test", sender=f"s{n}@example.test", instance=f"i{n}",
                                             client_address=f"192.0.{n // 250 % 250}.{n % 250}")))

    def run_until(self, done):
        end = time.monotonic() + 2 * PATIENCE
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain; {len(self.answers)} answers")
            for fd, _ in self.poll.poll(0.1):
                data = self.clients[fd].recv(4096)
                self.pending[fd] += data
                if not data:
                    self.broken += 1
                    self.poll.unregister(fd)
                elif self.pending[fd].endswith(b"\n\n"):
                    action = self.pending[fd].decode().strip()[len("action="):]
                    self.answers.append((action, time.monotonic() - self.asked[fd]))
                    self.ask(fd)

    def waits_since(self, moment):
        return any(asked < moment for asked in self.asked.values())

    def close(self):
        for client in self.clients.values():
            client.close()


if __name__ == "__main__":
    unittest.main()
