"""Services that are programs: many, killed, frozen, talking nonsense, leaking, never starting; stop and reload."""
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import stat
import threading
import time
import unittest
from concurrent import futures

from support.client import Client, rcpt
from support.daemon import Daemon, long_test, run
from support.net import free_port, wait_until

ASK = "acl all time 00:00-24:00\naction ask POLICY g\naccess all ask\n"
UNAVAILABLE = "451 4.3.5 Policy service unavailable"

# A shell script that answers each request with what `action` prints.
ANSWERING = """#!/bin/sh
while read -r line; do
    case $line in recipient=*) recipient=${{line#recipient=}};; esac
    [ -n "$line" ] || {{ {action}; echo; }}
done
"""

# Appends each request's recipient to the file given, in one write, before it answers. Now and then it is unwell.
COUNTING = """#!/usr/bin/python3
import os, random, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
chance = random.Random(int(sys.argv[2]) * 1000003 + os.getpid())
attributes = {}
for line in sys.stdin:
    line = line.rstrip("\\n")
    if line:
        name, _, value = line.partition("=")
        attributes[name] = value
        continue
    os.write(log, (attributes["recipient"] + "\\n").encode())
    dice = chance.random()
    if dice < 0.01:
        answer = "nonsense\\n\\n"
    elif dice < 0.015:
        answer = "action=550\\n\\n"
    else:
        answer = "action=OK " + attributes["recipient"] + "\\n\\n"
    sys.stdout.write(answer)
    sys.stdout.flush()
    if dice > 0.995:
        sys.stdout.write("unasked\\n")
        sys.stdout.flush()
    attributes = {}
"""


def processes(path):
    """The processes that run a script below the path: /proc is all there is to see of them."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if any(word.startswith(os.fsencode(str(path) + "/plugin")) for word in words[:2]):
                    found.append(int(entry.name))
    return found


class Plugins(unittest.TestCase):
    def prepare(self, policy=ASK, sections=None):
        """A daemon that is not started yet."""
        daemon = Daemon(policy, start=False)
        self.addCleanup(daemon.directory.remove)
        self.path = daemon.directory.path
        daemon.sections = {"admin": {"socket": self.path / "control"}, **(sections or {})}
        return daemon

    def add(self, daemon, name, text, arguments="", **settings):
        """A plug-in of the group g."""
        path = self.write(daemon, name, text)
        daemon.sections[f"service {name}"] = {"address": f"exec:{path} {arguments}", "group": "g", **settings}

    def write(self, daemon, name, text):
        path = daemon.directory.write(f"plugin-{name}", text)
        path.chmod(0o755)
        return path

    def start(self, daemon):
        daemon.write_main()
        daemon.start()
        self.addCleanup(self.stop, daemon)
        return daemon

    def daemon(self, scripts, sections=None, **settings):
        """A daemon with a plug-in for each {name: text}; settings are theirs."""
        daemon = self.prepare(sections=sections)
        for name, text in scripts.items():
            self.add(daemon, name, text, **settings)
        return self.start(daemon)

    def stop(self, daemon):
        if daemon.process.poll() is None:
            self.assertEqual(daemon.stop(), 0)
        daemon.check_findings()
        self.assertEqual(processes(self.path), [])

    def service(self, daemon, index=0):
        result = run("ctl", "services", "--json", "-c", daemon.conf)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["services"][index]

    def writable(self, name):
        """A file that the daemon's user may write to."""
        path = self.path / name
        path.touch()
        path.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IROTH | stat.S_IWOTH)
        return path


def ask_all(daemon, threads, questions):
    """Each thread asks its questions over one connection; {recipient: answer}, one for each that was asked."""
    asked, answers, lock = set(), {}, threading.Lock()

    def ask(recipients):
        with Client(daemon.inet, timeout=60) as client:
            for recipient in recipients:
                with lock:
                    asked.add(recipient)
                action = client.ask(rcpt(recipient, instance=recipient))
                with lock:
                    answers[recipient] = action

    with futures.ThreadPoolExecutor(threads) as pool:
        workers = [pool.submit(ask, questions(n)) for n in range(threads)]
    mistakes = [repr(worker.exception()) for worker in workers if worker.exception()]
    unanswered = sorted(asked - answers.keys())
    if mistakes or unanswered:
        raise AssertionError(f"no answer for {unanswered}: {mistakes}")
    return answers


class Growing(Plugins):
    def test_a_plugin_that_sleeps_grows_to_its_most_workers_and_answers_all(self):
        daemon = self.daemon({"slow": ANSWERING.format(action="sleep 0.2; echo action=OK $$")})
        self.assertEqual(self.service(daemon)["workers"]["running"], 4)
        began = time.monotonic()
        answers = ask_all(daemon, 100, lambda n: [f"user{n}@example.test"])
        print(f"100 requests of 200 ms each took {time.monotonic() - began:.2f} s")
        self.assertEqual(len(answers), 100)
        self.assertTrue(all(answer.startswith("OK ") for answer in answers.values()), answers)
        self.assertEqual(len(set(answers.values())), 32)
        self.assertIn("    32 workers, 0 busy, 32 started, 0 failed\n", run("ctl", "services", "-c", daemon.conf).stdout)

    def test_workers_that_are_not_needed_go(self):
        daemon = self.daemon({"slow": ANSWERING.format(action="sleep 0.1; echo action=OK $$")}, workers="2-6",
                             max_idle="200ms")
        answers = ask_all(daemon, 20, lambda n: [f"user{n}@example.test"])
        self.assertEqual(len(set(answers.values())), 6)
        wait_until(lambda: self.service(daemon)["workers"]["running"] == 2, "two workers are left")
        wait_until(lambda: len(processes(self.path)) == 2, "two processes are left")
        self.assertEqual(self.service(daemon)["workers"]["failed"], 0)

    def test_one_that_is_quick_does_not_grow(self):
        daemon = self.daemon({"quick": ANSWERING.format(action="echo action=OK $$")}, workers="1-8")
        for n in range(50):
            daemon.ask(rcpt(f"user{n}@example.test"))
        self.assertEqual(self.service(daemon)["workers"]["started"], 1)


class Recycling(Plugins):
    def test_a_worker_that_leaks_is_replaced_after_max_requests(self):
        script = ANSWERING.format(action='leak="$leak x"; echo action=OK $$')
        daemon = self.daemon({"leaking": script}, workers="1-1", max_requests="10")
        with daemon.client() as client:
            answers = [client.ask(rcpt(f"user{n}@example.test")) for n in range(100)]
        self.assertEqual(len(set(answers)), 10)
        self.assertTrue(all(answers.count(answer) == 10 for answer in answers), answers)
        wait_until(lambda: len(processes(self.path)) == 1, "one process is left")
        self.assertEqual(self.service(daemon)["workers"]["failed"], 0)

    def test_a_worker_that_answers_once_and_ends_serves_on(self):
        script = ANSWERING.format(action="echo action=OK $$; echo; exit")
        daemon = self.daemon({"once": script}, workers="2-4")
        with daemon.client() as client:
            answers = {client.ask(rcpt(f"user{n}@example.test")) for n in range(30)}
        self.assertEqual(len(answers), 30)
        self.assertNotIn("replaced", daemon.log())


class NeverStarting(Plugins):
    def count_starts(self, daemon, starts):
        """For some seconds: restarts come after about 1 s, 2 s, 4 s."""
        with daemon.client() as client:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                self.assertEqual(client.ask(rcpt()), UNAVAILABLE)
                time.sleep(0.01)
        return len(starts.read_text().splitlines())

    def test_one_that_ends_at_once_is_reported_once_with_its_words_and_does_not_spin(self):
        daemon = self.prepare()
        starts = self.writable("starts")
        self.add(daemon, "bad", f"#!/bin/sh\necho x >> {starts}\necho no such module >&2\nexit 1\n")
        self.start(daemon)
        count = self.count_starts(daemon, starts)
        self.assertGreaterEqual(count, 5)  # four workers, and at least one more try
        self.assertLessEqual(count, 8)
        self.assertEqual(len(re.findall("no such module", daemon.log())), 1, daemon.log())
        self.assertEqual(len(re.findall(r"service bad \(exec:.*its program fails: exit status 1", daemon.log())), 1)
        self.assertIn("off", self.service(daemon)["state"])
        self.write(daemon, "bad", ANSWERING.format(action="echo action=OK well"))
        wait_until(lambda: daemon.ask(rcpt()) == "OK well", "it is started again")
        daemon.wait_log("service bad: its program works again")

    def test_one_that_is_not_there_is_reported_once(self):
        daemon = self.daemon({}, sections={"service gone": {"address": "exec:/nonexistent/plugin", "group": "g"}})
        self.assertEqual(daemon.ask(rcpt()), UNAVAILABLE)
        time.sleep(2.5)
        self.assertEqual(daemon.ask(rcpt()), UNAVAILABLE)
        told = re.findall("service gone .*/nonexistent/plugin: No such file or directory", daemon.log())
        self.assertEqual(len(told), 1, daemon.log())

    def test_another_service_of_the_group_stands_in(self):
        daemon = self.daemon({"good": ANSWERING.format(action="echo action=OK good")},
                             sections={"service gone": {"address": "exec:/nonexistent/plugin", "group": "g",
                                                        "priority": 1}})
        self.assertEqual(daemon.ask(rcpt()), "OK good")

    def test_check_says_where_the_mistake_is(self):
        daemon = self.prepare()
        text = ("[service a]\naddress = exec:/nonexistent/plugin\n[service b]\naddress = exec:/etc/passwd\n"
                "[service c]\naddress = exec:sh -c true\n[service d]\naddress = exec:sh\ndirectory = /nowhere\n")
        result = run("check", "-c", daemon.directory.write("other.conf", text), "--policy",
                     daemon.directory.write("empty.conf", ""))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"other\.conf:2:11: warning: address: /nonexistent/plugin: No such file")
        self.assertRegex(result.stderr, r"other\.conf:4:11: warning: address: /etc/passwd: it is no program")
        self.assertRegex(result.stderr, r"other\.conf:8:11: warning: address: directory /nowhere: No such file")
        self.assertNotIn("other.conf:6", result.stderr)


class Chaos(Plugins):
    """Workers are killed and frozen from outside, and talk nonsense by themselves, while requests come in."""

    def torment(self, seconds, per_thread):
        seed = int(os.environ.get("POLICYMUX_SEED", random.randrange(10**6)))
        print(f"seed {seed}")
        chance = random.Random(seed)
        daemon = self.prepare()
        counted = self.writable("counted")
        self.add(daemon, "counting", COUNTING, f"{counted} {seed}", workers="4-8", timeout="500ms")
        self.add(daemon, "fallback", ANSWERING.format(action="echo action=OK fallback"), priority=20)
        self.start(daemon)

        done, hits = threading.Event(), []

        def hurt():
            while not done.wait(0.1):
                victims = [pid for pid in processes(self.path) if self.is_counting(pid)]
                if victims:
                    how = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chance.choice(victims), how)
                        hits.append(how)

        end = time.monotonic() + seconds

        def questions(thread):
            for n in range(per_thread):
                if time.monotonic() > end:
                    return
                yield f"u{thread}-{n}@example.test"

        with futures.ThreadPoolExecutor(1) as pool:
            tormentor = pool.submit(hurt)
            try:
                answers = ask_all(daemon, 8, questions)
            finally:
                done.set()
        tormentor.result()  # it went on hurting until the end

        service = self.service(daemon)
        tries = collections.Counter(counted.read_text().split())
        good = {recipient for recipient, answer in answers.items() if answer == f"OK {recipient}"}
        print(f"{len(answers)} requests, {len(hits)} workers hurt, {service['workers']}, "
              f"{len(answers) - len(good)} by the fallback")
        self.assertGreater(len(hits), 0)
        self.assertEqual({answers[recipient] for recipient in answers.keys() - good} - {"OK fallback"}, set())
        self.assertGreater(len(good), len(answers) / 2)
        self.assertLessEqual(good, tries.keys())
        self.assertLessEqual(max(tries.values()), 2)
        # Who was counted twice was counted by a try that failed: there are no more of them than of these.
        failed_tries = service["replaced"] + sum(service["failures"].values())
        self.assertLessEqual(tries.total() - len(tries), failed_tries)

    def is_counting(self, pid):
        with contextlib.suppress(OSError):
            return b"plugin-counting" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    def test_every_request_is_answered_and_none_counted_twice_unless_a_try_failed(self):
        self.torment(seconds=6, per_thread=10000)

    @long_test
    def test_the_same_for_longer(self):
        self.torment(seconds=60, per_thread=100000)


class StopAndReload(Plugins):
    def test_only_what_has_changed_is_replaced_at_reload(self):
        number = ANSWERING.format(action="echo action=OK $$")
        daemon = self.daemon({"a": number, "b": number}, workers="1-2", sections={"group h": {}})
        daemon.sections["service b"]["group"] = "h"
        daemon.write_main()
        daemon.write_policy("acl b recipient match=exact b@example.test\naction a POLICY g\naction b POLICY h\n"
                            "acl all time 00:00-24:00\naccess b b\naccess all a\n")
        daemon.reload()
        daemon.wait_log("reloaded")
        before = daemon.ask(rcpt("a@example.test")), daemon.ask(rcpt("b@example.test"))
        daemon.sections["service a"]["environment"] = "COLOUR=blue"
        daemon.write_main()
        daemon.reload()
        daemon.wait_log("reloaded", count=2)
        after = daemon.ask(rcpt("a@example.test")), daemon.ask(rcpt("b@example.test"))
        self.assertNotEqual(before[0], after[0])
        self.assertEqual(before[1], after[1])
        wait_until(lambda: len(processes(self.path)) == 2, "the old worker is gone")
        del daemon.sections["service a"]
        daemon.write_main()
        daemon.write_policy("action b POLICY h\nacl all time 00:00-24:00\naccess all b\n")
        daemon.reload()
        wait_until(lambda: len(processes(self.path)) == 1, "the plug-in that is no longer configured is gone")
        self.assertEqual(daemon.ask(rcpt("a@example.test")), before[1])

    def test_a_stop_answers_what_was_asked_and_leaves_no_process_behind(self):
        daemon = self.daemon({"slow": ANSWERING.format(action="sleep 0.5; echo action=OK done")})
        with daemon.client() as client:
            client.send(b"request=smtpd_access_policy\nrecipient=a@example.test\n\n")
            wait_until(lambda: self.service(daemon)["workers"]["busy"] == 1, "the request is under way")
            daemon.signal(signal.SIGTERM)
            self.assertEqual(client.action(), "OK done")
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(processes(self.path), [])

    def test_a_worker_that_refuses_to_go_is_killed(self):
        daemon = self.daemon({"deaf": "#!/bin/sh\ntrap '' TERM\n" + ANSWERING.format(
            action="echo action=OK").removeprefix("#!/bin/sh\n") + "while :; do sleep 1; done\n"}, workers="2-2")
        self.assertEqual(daemon.ask(rcpt()), "OK")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(30), 0)
        self.assertEqual(processes(self.path), [])

    def test_the_workers_of_a_daemon_that_is_killed_see_the_end_of_their_input(self):
        daemon = self.daemon({"orphan": ANSWERING.format(action="echo action=OK")})
        self.assertEqual(daemon.ask(rcpt()), "OK")
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        wait_until(lambda: processes(self.path) == [], "all workers are gone")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_workers_run_as_the_daemons_user(self):
        daemon = self.daemon({"who": ANSWERING.format(action="echo action=OK $(id -u)")})
        self.assertEqual(daemon.ask(rcpt()), f"OK {daemon.status('Uid')[0]}")


class Elsewhere(Plugins):
    def test_spawn_has_workers_of_its_own(self):
        daemon = self.daemon({"a": ANSWERING.format(action="echo action=OK $$")})
        daemon.settings["listen"] = f"inet:127.0.0.1:{free_port()}"
        result = run("spawn", "-c", daemon.conf, stdin="request=smtpd_access_policy\n\nrequest=smtpd_access_policy\n\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        answers = result.stdout.split("\n\n")[:2]
        self.assertRegex(answers[0], r"^action=OK \d+$")
        self.assertEqual(answers[0], answers[1])
        wait_until(lambda: len(processes(self.path)) == 4, "only the daemon's workers are left")

    def test_query_asks_a_plugin_without_a_daemon(self):
        daemon = self.daemon({"a": ANSWERING.format(action='echo "action=OK $recipient"; echo asked >&2')})
        plugin = f'"{self.path}/plugin-a" "an argument"'
        result = run("query", "--plugin", plugin, "recipient=x@example.test")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "action=OK x@example.test\n", "asked\n"))
        result = run("query", "--plugin", "./plugin-a", stdin="recipient=y@example.test\n\n", cwd=self.path)
        self.assertEqual((result.returncode, result.stdout), (0, "action=OK y@example.test\n"))
        for command, text in (("/nonexistent/plugin", "No such file or directory"), ('"sh', "closing"),
                              ('sh -c "exit 3"', "exit status 3"), ("sleep 100", "no answer in time"),
                              ('sh -c "echo action=550; echo; cat"', "invalid action")):
            with self.subTest(command):
                result = run("query", "--plugin", command, "--timeout", "500ms", "recipient=x@example.test")
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn(text, result.stderr)
        self.assertEqual(run("query", "--plugin", "x", "--server", "inet:127.0.0.1:1", "a=b").returncode, 2)
        self.assertEqual(len(processes(self.path)), 4)


if __name__ == "__main__":
    unittest.main()
