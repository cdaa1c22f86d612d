"""One client on standard input and output: a policy, or hapolicy's job, as Postfix's spawn(8) starts it."""
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import tty
import unittest

from support.client import rcpt, render
from support.daemon import BINARY, Directory, environment, main_conf
from support.net import PATIENCE, free_port, has_ipv6, wait_until
from support.postfix import Postfix, available
from support.service import Service

POLICY = """acl bad sender match=domain bad.test
action no REJECT No
access bad no
"""


def nobody():
    """An address where connections are refused."""
    return f"127.0.0.1:{free_port()}"


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = Directory()
        self.addCleanup(self.directory.remove)
        # Whoever runs it finds it, also a user that may not look into our directories.
        self.hapolicy = self.directory.path / "hapolicy"
        self.hapolicy.symlink_to(BINARY)

    def service(self, *arguments, **options):
        service = Service(*arguments, **options)
        self.addCleanup(service.close)
        return service

    def conf(self, policy=POLICY, **settings):
        self.directory.write("policy.conf", policy)
        return self.directory.write("main.conf", main_conf({"main": settings}))

    def start(self, *arguments, **streams):
        process = subprocess.Popen(list(map(str, arguments)), env=environment(), **streams)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def run_spawn(self, *arguments, stdin=b"", command=(BINARY, "spawn"), **env):
        """Pipes for all three: status, standard output, standard error."""
        result = subprocess.run([*map(str, (*command, *arguments))], input=stdin, capture_output=True, timeout=120,
                                env=environment(**env), check=False)
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def actions(self, *requests, options=(), command=None):
        """What hapolicy answers, asked on pipes."""
        stdin = b"".join(render(request) for request in requests)
        status, out, err = self.run_spawn(*options, stdin=stdin, command=command or (self.hapolicy,))
        self.assertEqual((status, err), (0, ""))
        self.assertTrue(out.endswith("\n\n"), out)
        return [reply.removeprefix("action=") for reply in out[:-2].split("\n\n")]

    def on_socket(self, *arguments, command=(BINARY, "spawn")):
        """As under spawn(8): one socket is all three. Our end of it, and the process."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        ours.settimeout(PATIENCE)
        with theirs:
            process = self.start(*command, *arguments, stdin=theirs, stdout=theirs, stderr=theirs)
        return ours, process

    def talk(self, ours, process, data):
        """Sends, ends the stream, and returns all that comes and the exit status."""
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := ours.recv(65536):
            answer += piece
        return answer.decode(), process.wait(PATIENCE)


class Streams(Case):
    """Under Postfix spawn, stdin, stdout and stderr are the client's connection: nothing but replies goes there."""

    def test_nothing_but_replies_reaches_a_client(self):
        request, reply = render(rcpt()), "action=dunno\n\n"
        hung = [f"--service=a={nobody()}", "-s", "nonsense", "-d", "550"]
        for name, arguments, data, want, status in (
                ("all its logging", [*hung, "-l", "-v", "-L"], request, reply, 0),
                ("a wrong option", ["--nonsense"], request, "", 2),
                ("a missing argument", ["-s"], request, "", 2),
                ("too many arguments", ["-l", "more"], request, "", 2),
                ("help", ["--help"], b"", "", 0),
                ("both ways at once", ["-c", "/dev/null", "-s", "a=b:1"], request, "", 2),
                ("no main.conf", ["-c", self.directory.path / "none"], request, "", 1),
                ("a malformed request", hung, request + b"junk\n\n", reply, 1),
                ("a request without request=", ["-d", "dunno"], render(rcpt(), request=None), reply, 0),
                ("a cut request", ["-d", "dunno"], request + b"sender=a", reply, 0)):
            with self.subTest(name):
                ours, process = self.on_socket(*arguments)
                try:
                    self.assertEqual(self.talk(ours, process, data), (want, status))
                except (BrokenPipeError, ConnectionResetError):  # it left before it was asked
                    self.assertEqual((want, process.wait(PATIENCE)), ("", status))

    def test_a_policy_with_mistakes_is_told_to_nobody_but_the_log(self):
        conf = self.conf("access nobody nothing\n", log_to="stderr")
        status, out, err = self.run_spawn("-c", conf, stdin=render(rcpt()))
        self.assertEqual((status, out, err), (1, "", ""))

    def test_a_terminal_is_told(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        process = self.start(BINARY, "spawn", "--nonsense", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=follower)
        os.close(follower)
        self.assertEqual(process.wait(PATIENCE), 2)
        self.assertIn("nonsense", os.read(leader, 4096).decode())

    def test_help_for_people(self):
        status, out, err = self.run_spawn("--help")
        self.assertEqual((status, err), (0, ""))
        for option in ("--service", "--default", "--logging", "--verbose", "--stdout", "--config", "--policy"):
            self.assertIn(option, out)

    def test_every_kind_of_stream(self):
        conf = self.conf()
        requests = render(rcpt(sender="a@bad.test")) + render(rcpt(sender="a@good.test"))
        want = "action=REJECT No\n\naction=DUNNO\n\n"
        with self.subTest("one socket"):
            self.assertEqual(self.talk(*self.on_socket("-c", conf), requests), (want, 0))
        with self.subTest("pipes"):
            self.assertEqual(self.run_spawn("-c", conf, stdin=requests), (0, want, ""))
        with self.subTest("files"):
            (self.directory.path / "in").write_bytes(requests)
            with open(self.directory.path / "in", "rb") as i, open(self.directory.path / "out", "wb") as o:
                self.assertEqual(self.start(BINARY, "spawn", "-c", conf, stdin=i, stdout=o).wait(PATIENCE), 0)
            self.assertEqual((self.directory.path / "out").read_text(), want)
        with self.subTest("a socket and a pipe"):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                process = self.start(BINARY, "spawn", "-c", conf, stdin=theirs, stdout=subprocess.PIPE)
                ours.sendall(requests)
                ours.shutdown(socket.SHUT_WR)
                self.assertEqual(process.stdout.read().decode(), want)
                self.assertEqual(process.wait(PATIENCE), 0)
        with self.subTest("nothing"):
            process = self.start(BINARY, "spawn", "-c", conf, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.assertEqual(process.wait(PATIENCE), 0)

    def test_a_person_at_a_terminal(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        tty.setraw(follower)
        process = self.start(BINARY, "spawn", "-c", self.conf(), stdin=follower, stdout=follower,
                             stderr=subprocess.DEVNULL)
        os.close(follower)
        os.write(leader, b"sender=a@bad.test\r\nprotocol_state=RCPT\r\n\r\n")
        got = b""
        while not got.endswith(b"\n\n"):
            got += os.read(leader, 4096)
        self.assertEqual(got, b"action=REJECT No\n\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_the_flags_of_a_shared_socket_stay_as_they_are(self):
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with ours, theirs:
            process = self.start(BINARY, "spawn", "-c", self.conf(), stdin=theirs, stdout=theirs)
            ours.sendall(render(rcpt()))
            self.assertEqual(ours.recv(4096), b"action=DUNNO\n\n")
            self.assertTrue(os.get_blocking(theirs.fileno()))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0)

    def test_a_stop_answers_what_was_received(self):
        release = threading.Event()
        service = self.service(lambda _: release.wait(PATIENCE) and "REJECT late")
        for stop in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(stop=stop):
                release.clear()
                before = len(service.requests)
                ours, process = self.on_socket("-s", f"a={service.address}")
                ours.sendall(render(rcpt()))
                wait_until(lambda before=before: len(service.requests) > before, "the service is asked")
                process.send_signal(stop)
                release.set()
                self.assertEqual(ours.recv(4096), b"action=REJECT late\n\n")
                self.assertEqual(ours.recv(4096), b"")
                self.assertEqual(process.wait(PATIENCE), 0)


class Hapolicy(Case):
    """Every option and default of hapolicy's, and none of its defects."""

    def test_no_file_is_read(self):
        status, out, err = self.run_spawn("-d", "OK", stdin=render(rcpt()), command=(self.hapolicy,),
                                          POLICYMUX_CONFIG=str(self.directory.path / "none"))
        self.assertEqual((status, out, err), (0, "action=OK\n\n", ""))

    def test_our_own_options_are_none_of_its(self):
        for option in ("-c", "--policy"):
            self.assertEqual(self.run_spawn(option, self.conf(), command=(self.hapolicy,))[0], 2)

    def test_bundles_abbreviations_and_attached_values(self):
        a = self.service("REJECT a")
        for options in ([f"-sa={a.address}:"], ["-lvs", f"a={a.address}"], [f"--service=a={a.address}:10:1:5"],
                        ["--serv", f"a={a.address}"], ["--s", f"a={a.address}:10"], [f"-lvsa={a.address}", "-dOK"],
                        ["--log", "--verb", "-s", f"a={a.address}:0:0:0", "--def=OK"]):
            for command in ((self.hapolicy,), (BINARY, "spawn")):
                with self.subTest(options=options, command=command):
                    self.assertEqual(self.actions(rcpt(), options=options, command=command), ["REJECT a"])

    def test_the_manual_s_failover(self):
        """First grey1; "if that service is not available" the next."""
        grey2 = self.service("DEFER 2")
        options = ["-s", f"grey1={nobody()}:10", "-s", f"grey2={grey2.address}:20"]
        self.assertEqual(self.actions(rcpt(), rcpt(), options=options), ["DEFER 2"] * 2)
        grey1 = self.service("DEFER 1")
        options = ["-s", f"grey2={grey2.address}:20", "-s", f"grey1={grey1.address}:10"]
        self.assertEqual(self.actions(rcpt(), rcpt(), options=options), ["DEFER 1"] * 2)

    def test_priorities_are_numbers(self):
        first, last = self.service("DEFER first"), self.service("DEFER last")
        options = ["-s", f"last={last.address}:10", "-s", f"first={first.address}:9"]
        self.assertEqual(self.actions(rcpt(), options=options), ["DEFER first"])

    def test_the_manual_s_load_balancing(self):
        """polw1 is asked twice as often as polw2."""
        one, two = self.service("DEFER 1"), self.service("DEFER 2")
        options = ["-s", f"polw1={one.address}:10:2", "-s", f"polw2={two.address}:10:1"]
        answers = self.actions(*[rcpt(instance="")] * 300, options=options)
        self.assertEqual((answers.count("DEFER 1"), answers.count("DEFER 2")), (200, 100))

    def test_weights_hold_over_many_processes_too(self):
        """Each begins at a random service, in proportion to weights: 60 of 90, give or take five sigma."""
        one, two = self.service("DEFER 1"), self.service("DEFER 2")
        options = ["-s", f"polw1={one.address}:10:2", "-s", f"polw2={two.address}:10:1"]
        for _ in range(90):
            self.actions(rcpt(), options=options)
        self.assertEqual(len(one.requests) + len(two.requests), 90)
        self.assertTrue(37 <= len(one.requests) <= 83, len(one.requests))

    def test_the_default_action(self):
        for options, want in (([], "dunno"), (["-d", "DEFER_IF_PERMIT later"], "DEFER_IF_PERMIT later"),
                              (["--default", "our_class"], "our_class"), (["-d", "WARN ${sender}"], "WARN ${sender}")):
            for services in ([], ["-s", "nonsense"], ["-s", f"a={nobody()}"]):
                with self.subTest(options=options, services=services):
                    self.assertEqual(self.actions(rcpt(), options=[*options, *services]), [want])

    def test_what_an_answer_is(self):
        """Anything else is a failure, an answer cut short as well: it is never passed on."""
        for raw in ("action=DUN", "action=\n\n", "Action=OK\n\n", "nonsense\n\n", "action=550\n\n", ""):
            with self.subTest(raw=raw):
                bad = self.service(raw, raw=True)
                self.assertEqual(self.actions(rcpt(), options=["-s", f"a={bad.address}", "-d", "HOLD"]), ["HOLD"])

    def test_a_service_that_answers_dunno_has_answered(self):
        service, other = self.service("DUNNO"), self.service("REJECT other")
        options = ["-s", f"a={service.address}:1", "-s", f"b={other.address}:2", "-d", "REJECT default"]
        self.assertEqual([a.upper() for a in self.actions(rcpt(), options=options)], ["DUNNO"])

    def test_one_connection_serves_many_requests(self):
        service = self.service("OK")
        self.assertEqual(self.actions(*[rcpt()] * 50, options=["-s", f"a={service.address}"]), ["OK"] * 50)
        self.assertEqual(service.connections, 1)

    def test_a_hung_service_costs_its_time_out_once(self):
        hung, good = self.service(lambda _: None), self.service("OK")
        began = time.monotonic()
        options = ["-s", f"hung={hung.address}:1:1:1", "-s", f"good={good.address}:2"]
        self.assertEqual(self.actions(*[rcpt()] * 20, options=options), ["OK"] * 20)
        self.assertEqual(len(hung.requests), 1, f"in {time.monotonic() - began:.1f} s")

    def test_values_arrive_whole_and_a_missing_request_is_added(self):
        service = self.service("OK")
        long = "x" * 4000 + "@example.test"
        self.assertEqual(self.actions(rcpt(sender=long, request=None), options=["-s", f"a={service.address}"]), ["OK"])
        self.assertEqual(service.requests[0]["sender"], long)
        self.assertEqual(service.requests[0]["request"], "smtpd_access_policy")

    def test_unix_sockets(self):
        service = self.service("OK", path=self.directory.path / "service")
        self.assertEqual(self.actions(rcpt(), options=["-s", f"a={service.address}:1:1:5"]), ["OK"])

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
    def test_ipv6(self):
        service = self.service("OK", host="::1")
        for tail in ("", ":1:1:5"):
            with self.subTest(tail):
                self.assertEqual(self.actions(rcpt(), options=["-s", f"a={service.address}{tail}"]), ["OK"])
        self.assertEqual(service.connections, 2)

    def test_a_host_by_name(self):
        port = self.service("OK").address.split(":")[1]
        self.assertIn("OK", self.service("OK").answer)
        self.assertEqual(self.actions(rcpt(), options=["-s", f"a=localhost:{port}"]), ["OK"])

    def test_the_log_on_standard_output(self):
        """-L, for debugging: a line for each try with -l, and more with -v."""
        service = self.service("REJECT a")
        status, out, _ = self.run_spawn("-L", "-l", "-s", f"a={service.address}:5:3:7", "-s", "nonsense",
                                        stdin=render(rcpt()), command=(self.hapolicy,))
        self.assertEqual(status, 0)
        self.assertIn("action=REJECT a\n\n", out)
        self.assertRegex(out, r"hapolicy\[\d+\]: warning: .*'nonsense'")
        self.assertRegex(out, rf"\[a\] \({re.escape(service.address)}\), prio: 5, weight: 3, queries: 1, answers: 1, "
                              r"failed: 0, delay: \d\.\d{3}s, client: client.example.test\[192.0.2.1\], "
                              r"helo: <helo.example.test>, from: <sender@example.test>, to: <user@example.test>, "
                              r"action: 'REJECT a'\n")
        self.assertNotIn("attribute:", out)
        more = self.run_spawn("-Lv", "-s", f"a={service.address}", stdin=render(rcpt()), command=(self.hapolicy,))[1]
        self.assertIn("attribute: sender=sender@example.test", more)
        quiet = self.run_spawn("-L", "-s", f"a={service.address}", stdin=render(rcpt()), command=(self.hapolicy,))[1]
        self.assertEqual(quiet, "action=REJECT a\n\n")


@unittest.skipUnless(shutil.which("hapolicy"), "needs Debian's package hapolicy")
class AsHapolicy(Case):
    """Side by side with the program itself: the same command line, the same services, the same answers."""

    def assert_same(self, options, *requests, want=None):
        theirs = self.actions(*requests, options=options, command=(shutil.which("hapolicy"),))
        ours = self.actions(*requests, options=options)
        self.assertEqual(ours, theirs)
        if want:
            self.assertEqual(ours, want)

    def actions(self, *requests, options=(), command=None):
        """hapolicy itself complains on standard error where there is no syslog."""
        result = subprocess.run([*map(str, command or (self.hapolicy,)), *options], env=environment(), timeout=60,
                                input=b"".join(map(render, requests)), stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=False)
        self.assertEqual(result.returncode, 0)
        return [reply.removeprefix("action=") for reply in result.stdout.decode()[:-2].split("\n\n")]

    def test_service_strings(self):
        a, b = self.service("DEFER a"), self.service("REJECT b with text")
        for tail in (":", ":10", ":10:2", ":10:2:5", ":0:0:0", "::2", "::2:5", ":10::5", ":5:1:2:", ":5:1:2:more",
                     ":010:01:05"):
            with self.subTest(tail=tail):
                self.assert_same(["-s", f"a b={a.address}{tail}", "-s", f"b={b.address}:50"], rcpt(), want=["DEFER a"])
        with self.subTest("tiers"):
            self.assert_same(["-s", f"b={b.address}:20", "-s", f"a={a.address}:10"], rcpt(), rcpt(),
                             want=["DEFER a"] * 2)
        with self.subTest("a repeated name"):
            self.assert_same(["-s", f"a={nobody()}:1", "-s", f"a={b.address}:2"], rcpt(), want=["REJECT b with text"])
        with self.subTest("invalid ones are skipped"):
            self.assert_same(["-s", "nonsense", "-s", "=x:1:", "-s", f"a={a.address}:", "-s", "c=only"], rcpt(),
                             want=["DEFER a"])

    def test_failures_and_the_default_action(self):
        good = self.service("HOLD")
        for raw in ("action=\n\n", "Action=OK\n\n", "nonsense\n\n", ""):
            with self.subTest(raw=raw):
                bad = self.service(raw, raw=True)
                self.assert_same(["-s", f"bad={bad.address}:1", "-s", f"good={good.address}:2"], rcpt(), want=["HOLD"])
                self.assert_same(["-s", f"bad={bad.address}:1", "-dDEFER"], rcpt(), want=["DEFER"])
        self.assert_same([], rcpt(), rcpt(), want=["dunno"] * 2)
        self.assert_same(["--def", "WARN none", "-s", f"a={nobody()}:"], rcpt(), want=["WARN none"])


@unittest.skipUnless(available(), "needs root and Debian's package postfix")
class UnderPostfix(Case):
    """master.cf and main.cf as hapolicy's manual gives them, but for path and ports."""

    def setUp(self):
        super().setUp()
        self.hapolicy.unlink()
        shutil.copy2(BINARY, self.hapolicy)  # a place where the user nobody may run it

    def postfix(self, argv, restrictions="permit"):
        port = free_port()
        postfix = Postfix(
            {"smtpd": {"smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{port}, {restrictions}"}},
            master=f"127.0.0.1:{port} inet    n       n       n       -       0       spawn\n"
                   f"  user=nobody argv={argv}\n",
            **{f"127.0.0.1:{port}_time_limit": "3600"})
        self.addCleanup(postfix.stop)
        return postfix

    def rejected(self, postfix, recipient):
        return postfix.swaks("smtpd", "--from", "sender@example.test", "--to", recipient).stdout

    def assert_content(self, postfix):
        self.assertNotRegex(postfix.log(), r"warning: .*(policy|talking to server|spawn|hapolicy|problem)")

    def test_the_manual_s_lines(self):
        grey1, grey2 = self.service("REJECT grey1"), self.service("REJECT grey2")
        postfix = self.postfix(f"{self.hapolicy} -l -s GREY1={grey1.address}:10 -s GREY2={grey2.address}:10")
        self.assertRegex(self.rejected(postfix, "a@example.test"), r"554 5\.7\.1 .*grey[12]")
        self.assertEqual(len(grey1.requests) + len(grey2.requests), 1)
        self.assert_content(postfix)

    def test_three_sessions_at_once_and_one_service_hangs(self):
        hung, good = self.service(lambda _: None), self.service(lambda a: "REJECT " + a["recipient"].split("@")[0])
        postfix = self.postfix(f"{self.hapolicy} -l -s HUNG={hung.address}:10:1:1 -s GOOD={good.address}:20:1:5")
        sessions = [postfix.smtp("smtpd") for _ in range(3)]
        answers = {}

        def ask(n, session):
            session.ehlo()
            session.mail("sender@example.test")
            answers[n] = [session.rcpt(f"user{n}-{m}@example.test") for m in range(5)]
            session.quit()

        threads = [threading.Thread(target=ask, args=each) for each in enumerate(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        for n in range(3):
            for m, (code, text) in enumerate(answers[n]):
                self.assertEqual(code, 554)
                self.assertIn(f"user{n}-{m}".encode(), text)
        self.assertEqual(len(hung.requests), 3, "each process waits for it once")
        self.assert_content(postfix)

    def test_spawn_with_a_policy(self):
        conf = self.conf("acl bad recipient match=exact bad@example.test\naction no REJECT Not here\naccess bad no\n")
        binary = self.directory.path / "policymux"
        self.hapolicy.rename(binary)
        postfix = self.postfix(f"{binary} spawn -c {conf}")
        self.assertRegex(self.rejected(postfix, "bad@example.test"), r"554 5\.7\.1 .*Not here")
        self.assertIn("queued as", self.rejected(postfix, "good@example.test"))
        self.assert_content(postfix)

    def test_mistakes_do_not_become_replies(self):
        postfix = self.postfix(f"{self.hapolicy} --nonsense -L")
        self.assertRegex(self.rejected(postfix, "a@example.test"), r"451 4\.3\.5")
        self.assertNotIn("Usage", postfix.log())


if __name__ == "__main__":
    unittest.main()
