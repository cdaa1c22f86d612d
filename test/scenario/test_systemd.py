"""The daemon under systemd, which a test plays: sockets handed over, notifications, the watchdog, the unit files."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

from support.client import ask, rcpt
from support.daemon import BINARY, ROOT, Daemon, Directory
from support.net import PATIENCE, free_port, listens, wait_until

REJECT_BAD = """acl bad sender match=domain bad.test
action no REJECT No
access bad no
"""


class Manager:
    """Where NOTIFY_SOCKET leads."""

    def __init__(self, test, abstract=False):
        directory = Directory()
        test.addCleanup(directory.remove)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.settimeout(PATIENCE)
        path = str(directory.path / "notify")
        self.socket.bind("\0" + path if abstract else path)
        if not abstract:
            os.chmod(path, 0o777)
        self.env = {"NOTIFY_SOCKET": "@" + path if abstract else path}

    def message(self):
        """The next one, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())


class Notifications(unittest.TestCase):
    def test_ready_and_stopping(self):
        for abstract in (False, True):
            with self.subTest(abstract=abstract):
                manager = Manager(self, abstract)
                with Daemon(REJECT_BAD, env=manager.env, start=False) as daemon:
                    daemon.spawn()
                    self.assertEqual(manager.message(), {"READY": "1", "STATUS": "Serving"})
                    self.assertEqual(daemon.ask(rcpt(sender="a@bad.test")), "REJECT No")
                    self.assertEqual(daemon.stop(), 0)
                self.assertEqual(manager.message()["STOPPING"], "1")

    def test_a_reload_says_when_it_begins_and_when_it_has_ended(self):
        manager = Manager(self)
        with Daemon(REJECT_BAD, env=manager.env) as daemon:
            self.assertEqual(manager.message()["READY"], "1")
            for policy, status in ((REJECT_BAD.replace("No", "Never"), "Serving"),
                                   ("acl oops\n", "Serving; the last reload failed")):
                asked = time.clock_gettime(time.CLOCK_MONOTONIC)
                daemon.reload(policy)
                begun = manager.message()
                self.assertEqual(begun["RELOADING"], "1")
                self.assertGreaterEqual(int(begun["MONOTONIC_USEC"]), int(asked * 1e6))
                self.assertEqual(manager.message(), {"READY": "1", "STATUS": status})
                self.assertEqual(daemon.ask(rcpt(sender="a@bad.test")), "REJECT Never")

    def test_a_start_that_fails_is_never_ready(self):
        manager = Manager(self)
        with Daemon("acl oops\n", env=manager.env, start=False) as daemon:
            daemon.spawn()
            self.assertEqual(daemon.wait(), 1)
        manager.socket.setblocking(False)
        self.assertRaises(BlockingIOError, manager.message)

    def test_the_watchdog_hears_from_the_loop(self):
        manager = Manager(self)
        with Daemon(REJECT_BAD, env={**manager.env, "WATCHDOG_USEC": "20000"}):
            for _ in range(5):
                message = manager.message()
                while message.get("READY"):
                    message = manager.message()
                self.assertEqual(message, {"WATCHDOG": "1"})

    def test_another_process_s_watchdog_is_none_of_ours(self):
        manager = Manager(self)
        with Daemon(REJECT_BAD, env={**manager.env, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}) as daemon:
            self.assertEqual(manager.message()["READY"], "1")
            for _ in range(20):
                daemon.ask(rcpt())
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(manager.message()["STOPPING"], "1")


class Activation(unittest.TestCase):
    def setUp(self):
        self.directory = Directory()
        self.addCleanup(self.directory.remove)
        self.inet = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.inet.close)
        self.unix = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.unix.close)
        self.path = str(self.directory.path / "handed-over")
        self.unix.bind(self.path)
        self.unix.listen()

    def test_sockets_handed_over_take_the_place_of_listen(self):
        with Daemon(REJECT_BAD, sockets=[self.unix, self.inet], start=False) as daemon:
            daemon.spawn()
            for address in (self.path, self.inet.getsockname()):
                self.assertEqual(ask(address, rcpt(sender="a@bad.test")), "REJECT No")
            port = self.inet.getsockname()[1]
            daemon.wait_log(rf"listening on unix:{re.escape(self.path)}$")
            daemon.wait_log(rf"listening on inet:127\.0\.0\.1:{port}$")
            self.assertFalse(listens(daemon.inet))
            self.assertFalse(listens(daemon.unix))
            self.assertEqual(daemon.stop(), 0)
            self.assertTrue(pathlib.Path(self.path).exists(), "it is systemd's")

    def test_who_connects_before_the_start_is_served(self):
        with Daemon(REJECT_BAD, sockets=[self.inet], start=False) as daemon:
            with daemon.client(self.inet.getsockname()) as early:
                daemon.spawn()
                self.assertEqual(early.ask(rcpt(sender="a@bad.test")), "REJECT No")

    def test_what_is_no_listening_stream_socket_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_UNIX) as deaf:
            for wrong in (udp, deaf):
                with self.subTest(wrong), Daemon(REJECT_BAD, sockets=[self.inet, wrong], start=False) as daemon:
                    daemon.spawn()
                    self.assertEqual(daemon.wait(), 1)
                    daemon.wait_log("LISTEN_FDS=2: descriptor 4: not a stream socket that listens")

    def test_another_process_s_sockets_are_none_of_ours(self):
        with Daemon(REJECT_BAD, env={"LISTEN_PID": "1", "LISTEN_FDS": "2"}) as daemon:
            self.assertEqual(daemon.ask(rcpt(sender="a@bad.test")), "REJECT No")


class Units(unittest.TestCase):
    """conf/policymux.service and conf/policymux.socket, read by systemd itself."""

    def verify(self, change=lambda text: text):
        directory = Directory()
        self.addCleanup(directory.remove)
        paths = [directory.path / name for name in ("policymux.service", "policymux.socket")]
        for path in paths:
            text = (ROOT / "conf" / path.name).read_text()
            path.write_text(change(text).replace("/usr/sbin/policymux", str(BINARY)))
        return subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_systemd_finds_nothing_wrong(self):
        result = self.verify()
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_it_would_find_something(self):
        result = self.verify(lambda text: text.replace("NoNewPrivileges", "NoNewPrivilege"))
        self.assertIn("NoNewPrivilege", result.stderr)


if __name__ == "__main__":
    unittest.main()
