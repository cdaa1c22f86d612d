"""`policymux ctl services`: what a running daemon tells about the services that it asks."""
import json
import os
import socket
import stat
import unittest

from support.client import rcpt
from support.daemon import Daemon, run
from support.net import free_port
from support.service import Service

POLICY = """acl all score >=0
action ask POLICY grey
access all ask
"""


class Ctl(unittest.TestCase):
    def daemon(self, *addresses):
        # The path of the control socket is known only with the directory: a second start.
        daemon = Daemon(POLICY, start=False)
        self.addCleanup(daemon.directory.remove)
        self.control = str(daemon.directory.path / "control")
        daemon.sections = {"admin": {"socket": self.control}, "group grey": {"default_action": "HOLD"}, **{
            f"service s{n}": {"address": address, "group": "grey", "priority": n, "weight": 3, "timeout": "5s"}
            for n, address in enumerate(addresses)}}
        daemon.write_main()
        daemon.start()
        self.addCleanup(daemon.stop)
        return daemon

    def ctl(self, daemon, *arguments):
        return run("ctl", "services", "-c", daemon.conf, *arguments)

    def test_services(self):
        down = f"inet:127.0.0.1:{free_port()}"
        with Service("REJECT x") as service:
            daemon = self.daemon(down, f"inet:{service.address}")
            for _ in range(3):
                self.assertEqual(daemon.ask(rcpt()), "REJECT x")
            result = self.ctl(daemon, "--json")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            report = json.loads(result.stdout)
            bad, good = report["services"]
            self.assertEqual({key: good[key] for key in ("name", "group", "address", "priority", "weight", "state",
                                                         "reason", "requests", "answers", "queued", "in_flight")},
                             {"name": "s1", "group": "grey", "address": f"inet:{service.address}", "priority": 1,
                              "weight": 3, "state": "on", "reason": None, "requests": 3, "answers": 3, "queued": 0,
                              "in_flight": 0})
            self.assertEqual(good["latency"]["count"], 3)
            self.assertLessEqual(good["latency"]["p50_us"], good["latency"]["p99_us"])
            self.assertEqual(sum(good["failures"].values()), 0)
            self.assertEqual((bad["answers"], bad["failures"]["refused"]), (0, bad["requests"]))
            self.assertGreater(bad["requests"], 0)
            self.assertNotEqual(bad["state"], "on")
            self.assertIsNotNone(bad["reason"])
            self.assertEqual(report["groups"], [{"name": "grey", "requests": 3, "defaults": 0, "differences": 0}])

            table = self.ctl(daemon)
            self.assertEqual((table.returncode, table.stderr), (0, ""))
            for pattern in (r"service +group +address +state +requests +errors +p50 +p99 +busy +queued",
                            rf"s0 +grey +{down} +(off|trying) +\d+ +\d+ +- +- +0 +0", r"    refused \d+; ",
                            rf"s1 +grey +inet:{service.address} +on +3 +0 ", r"group grey: 3 requests, 0 of them"):
                self.assertRegex(table.stdout, pattern)

    def test_no_services(self):
        result = self.ctl(self.daemon())
        self.assertEqual((result.returncode, result.stdout), (0, "no services\n"))

    def test_the_socket_is_its_owner_s_alone(self):
        self.daemon()
        status = os.stat(self.control)
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_uid), (0o600, os.geteuid()))

    def test_idle_visitors_do_not_shut_others_out_for_long(self):
        daemon = self.daemon()
        for _ in range(20):
            idle = socket.socket(socket.AF_UNIX)
            self.addCleanup(idle.close)
            idle.connect(self.control)
        result = self.ctl(daemon, "--timeout", "60s")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(daemon.ask(rcpt()), "HOLD")

    def test_what_goes_wrong_is_said(self):
        with Daemon() as daemon:
            for arguments, text in (((), "admin.socket"), (("--socket", "/nowhere/control"), "/nowhere/control"),
                                    (("--socket", daemon.unix, "--timeout", "300ms"), "policymux ctl: ")):
                result = self.ctl(daemon, *arguments)
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn(text, result.stderr)
        self.assertEqual(run("ctl", "nonsense").returncode, 2)
        self.assertEqual(run("ctl").returncode, 2)


if __name__ == "__main__":
    unittest.main()
