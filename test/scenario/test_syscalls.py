"""DESIGN.md's budget: one recv, one send, no epoll_ctl per inline request on a kept connection."""
import collections
import pathlib
import re
import unittest

from support.client import rcpt
from support.daemon import Daemon
from support.trace import can_trace

REQUESTS = 1000
POLICY = "".join(f"acl a{n} sender match=domain d{n}.test\naction no{n} REJECT No {n}\naccess a{n} no{n}\n"
                 for n in range(100))


@unittest.skipUnless(can_trace(), "needs strace, and leave to trace")
class SystemCalls(unittest.TestCase):
    def count(self, which, **settings):
        """The system calls between two marked requests: {name: number}."""
        with Daemon(POLICY, settings={"log_decisions": "none", **settings}, start=False) as daemon:
            trace = pathlib.Path(daemon.directory.path / "trace")
            daemon.prefix = ["strace", "-f", "-qq", "-s", "600", "-o", str(trace)]
            daemon.start()
            with daemon.client(getattr(daemon, which)) as client:
                for sender in ("warm-up", "mark-begin"):
                    self.assertEqual(client.ask(rcpt(sender=f"{sender}@example.test")), "DUNNO")
                for n in range(REQUESTS):
                    number = n % 200
                    self.assertEqual(client.ask(rcpt(sender=f"user{n}@d{number}.test")),
                                     f"REJECT No {number}" if number < 100 else "DUNNO")
                self.assertEqual(client.ask(rcpt(sender="mark-end@example.test")), "DUNNO")
            self.assertEqual(daemon.stop(), 0)
            text = trace.read_text(errors="replace")
        begin, end = text.index("mark-begin@"), text.index("mark-end@")
        # Whole lines: from the one after the first mark up to the one that receives the second.
        lines = text[text.index("\n", begin) + 1:text.rindex("\n", 0, end) + 1].splitlines()
        return collections.Counter(found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line)))

    def check(self, calls):
        receive = sum(calls.pop(name, 0) for name in ("read", "readv", "recvfrom", "recvmsg"))
        send = sum(calls.pop(name, 0) for name in ("write", "writev", "sendto", "sendmsg"))
        wait = sum(calls.pop(name, 0) for name in ("epoll_wait", "epoll_pwait", "epoll_pwait2"))
        self.assertEqual(receive, REQUESTS, calls)
        self.assertEqual(send, REQUESTS + 1, calls)  # the answer to the first mark is among them
        self.assertEqual(calls["epoll_ctl"], 0, calls)
        self.assertLessEqual(wait, REQUESTS + 20)
        self.assertLessEqual(sum(calls.values()), 20, f"what else does it do? {calls}")

    def test_over_inet(self):
        self.check(self.count("inet"))

    def test_over_unix(self):
        self.check(self.count("unix"))


if __name__ == "__main__":
    unittest.main()
