"""The commands of the administrator: check, explain, query, version, and what they return."""
import json
import os
import re
import unittest

from support.client import rcpt, render
from support.daemon import ROOT, Daemon, Directory, main_conf, run
from support.net import PATIENCE, free_port
from support.service import Service

COMMANDS = ("serve", "spawn", "check", "explain", "query", "ctl", "bench", "version")

POLICY = """acl bad sender match=domain bad.test
acl office client_address 192.0.2.0/24
acl big size >10M
action no REJECT No mail from ${sender_domain}
access bad !office no
access big bad no
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = Directory()
        self.addCleanup(self.directory.remove)

    def conf(self, policy="", sections=None, **settings):
        self.directory.write("policy.conf", policy)
        settings = {"listen": f"inet:127.0.0.1:{free_port()}", "log_to": "stderr", **settings}
        return self.directory.write("main.conf", main_conf({"main": settings, **(sections or {})}))


class Usage(Case):
    def test_help_everywhere(self):
        for command in ((), *((name,) for name in COMMANDS)):
            with self.subTest(command=command):
                result = run(*command, "--help")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stdout, r"(?i)usage|options")

    def test_the_help_names_every_command(self):
        text = run("--help").stdout
        for name in COMMANDS:
            self.assertIn(name, text)

    def test_wrong_usage_is_status_2(self):
        for arguments in ((), ("nonsense",), ("check", "--nonsense"), ("version", "--nonsense"), ("serve", "-c"),
                          ("query", "--server", "bogus"), ("bench", "--target", "bogus"),
                          ("bench", "--relay-to", "inet:127.0.0.1:1"), ("bench", "--lines", "10")):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertNotEqual(result.stderr, "")

    def test_output_that_cannot_be_written_is_status_1(self):
        conf = self.conf(POLICY)
        for arguments in (("check", "-c", conf, "--dump"), ("bench", "--generate", "policy"), ("version",)):
            with self.subTest(arguments=arguments), open("/dev/full", "w", encoding="utf-8") as full:
                result = run(*arguments, stdout=full)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, r"^policymux: .+\n$")

    def test_a_word_that_is_no_command_is_named(self):
        self.assertEqual(run("frob", "x").stderr, "unknown command 'frob'\nRun with --help for more information.\n")
        self.assertIn("unknown option '--frob'\n", run("--frob").stderr)
        self.assertIn("--frob", run("check", "--frob").stderr)
        self.assertNotIn("unknown", run().stderr)

    def test_what_can_be_generated_is_listed(self):
        names = "policy|postfwd|worst|hits|scattered|misses"
        self.assertIn(f"--generate {names}\n", run("bench", "--help").stdout)
        self.assertIn(f"--generate: want {names}\n", run("bench", "--generate", "frob").stderr)

    def test_version(self):
        result = run("version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"(?i)policymux \d+\.\d+\.\d+")


    def test_every_command_takes_a_configuration(self):
        for arguments in (("-c", "x"), ("--policy", "x")):
            result = run("version", *arguments)
            self.assertEqual(result.returncode, 0, result.stderr)


class Check(Case):
    def check(self, policy, *arguments, **settings):
        return run("check", "-c", self.conf(policy, **settings), *arguments)

    def test_a_good_policy(self):
        result = self.check(POLICY)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertNotIn("error", result.stdout + result.stderr)

    def test_a_mistake_is_status_1(self):
        result = self.check(POLICY + "access nobody no\n")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout + result.stderr, r"policy\.conf:7:8: error: .*nobody")

    def test_acls_and_actions_that_nobody_uses(self):
        result = self.check(POLICY + "acl idle sender match=exact x@y.test\naction unused OK\n")
        self.assertEqual(result.returncode, 0)
        text = result.stdout + result.stderr
        self.assertRegex(text, r"policy\.conf:7:\d+: warning: .*idle")
        self.assertRegex(text, r"policy\.conf:8:\d+: warning: .*unused")

    def test_warnings_come_in_the_order_of_the_lines(self):
        result = self.check("acl idle sender x\nacl a sender y\naccess a a\naction unused OK\n"
                            "access a\naccess a a\n")
        self.assertEqual(re.findall(r"policy\.conf:(\d+):", result.stderr), ["1", "3", "4", "5", "6", "6"])

    def test_a_regular_expression_that_begs_to_be_exact(self):
        result = self.check("acl a sender foo@bar.com\naction no REJECT No\naccess a no\n")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout + result.stderr, r"policy\.conf:1:\d+: warning: .*exact")

    def test_patterns_that_need_the_backtracking_engine_are_named_and_counted(self):
        result = self.check("acl a sender (.)\\1 x(?!y) fine\naction no REJECT No\naccess a no\n")
        self.assertEqual(result.returncode, 0)
        self.assertIn("2 patterns need the backtracking engine", result.stdout)
        self.assertRegex(result.stderr, r"policy\.conf:1:\d+: warning: .*'x\(\?!y\)' needs the backtracking engine")
        self.assertNotIn("backtracking", self.check(POLICY).stdout)

    @unittest.skipUnless(os.path.isdir("/var/spool/postfix"), "no Postfix on this machine")
    def test_a_unix_listener_that_postfix_cannot_see_from_its_chroot(self):
        result = self.check(POLICY, listen="unix:/run/policymux.sock")
        self.assertRegex(result.stderr, r"warning: main\.listen: unix:/run/policymux\.sock cannot be seen from Postfix's chroot")
        result = self.check(POLICY, listen="unix:/var/spool/postfix/private/policymux")
        self.assertNotIn("chroot", result.stderr)

    def test_what_the_daemon_could_not_start_with_on_this_machine(self):
        missing = os.path.join(os.path.dirname(self.conf()), "nowhere")
        for settings, doubt in (
            ({"user": "nobody-at-all"}, "main.user: no user 'nobody-at-all'"),
            ({"group": "none-at-all"}, "main.group: no group 'none-at-all'"),
            ({"socket_owner": "nobody-at-all"}, "main.socket_owner: no user 'nobody-at-all'"),
            ({"socket_group": "none-at-all"}, "main.socket_group: no group 'none-at-all'"),
            ({"chroot": missing}, f"main.chroot: no directory {missing}"),
            ({"listen": f"unix:{missing}/s"}, f"main.listen: no directory {missing}"),
        ):
            with self.subTest(doubt):
                result = self.check(POLICY, **settings)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"main.conf: warning: {doubt}", result.stderr)
        made_at_the_start = "unix:/run/policymux-of-this-test/s"
        result = self.check(POLICY, user="root", group="root", chroot="/", listen=made_at_the_start)
        self.assertNotIn("could not start", result.stderr)

    def test_a_type_that_is_not_built_in(self):
        result = self.check("acl a rbl zen.spamhaus.org\naction no REJECT No\naccess a no\n")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout + result.stderr, r"policy\.conf:1:\d+: warning: ")

    def test_the_policy_may_be_named_on_the_command_line(self):
        other = self.directory.write("other.conf", "acl oops\n")
        result = self.check(POLICY, "--policy", other)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout + result.stderr, r"other\.conf:1:")

    def test_a_dump_loads_back_to_the_same(self):
        first = self.check(POLICY, "--dump", request_timeout="7s", socket_mode="0600")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertRegex(first.stdout, r"(?m)^request_timeout = 7s$")
        again = run("check", "-c", self.directory.write("dumped.conf", first.stdout), "--dump")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(again.stdout, first.stdout)

    def test_the_sample_configuration_has_no_mistake(self):
        result = run("check", "-c", ROOT / "conf/main.conf", "--policy", ROOT / "conf/policy.conf")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertNotIn("warning", result.stdout + result.stderr)


class Explain(Case):
    def explain(self, policy, *requests, arguments=()):
        text = b"".join(render(request) for request in requests).decode()
        result = run("explain", "-c", self.conf(policy), *arguments, stdin=text)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_each_line_each_test_and_the_decision(self):
        text = self.explain(POLICY, rcpt(sender="a@bad.test", client_address="198.51.100.7"))
        self.assertRegex(text, r"policy\.conf:5")
        self.assertRegex(text, r"bad.*TRUE|TRUE.*bad")
        self.assertRegex(text, r"office.*(TRUE|FALSE)|(TRUE|FALSE).*office")
        self.assertIn("REJECT No mail from bad.test", text)

    def test_what_cannot_be_known_is_unknown(self):
        text = self.explain("acl foo sender match=exact foo@x.test\naction no REJECT No\naccess !foo no\n",
                            {"protocol_state": "CONNECT", "client_address": "192.0.2.1", "sender": ""})
        self.assertIn("UNKNOWN", text)
        self.assertIn("DUNNO", text)

    def test_several_requests(self):
        text = self.explain(POLICY, rcpt(sender="a@bad.test", client_address="198.51.100.7"), rcpt())
        self.assertIn("REJECT", text)
        self.assertIn("DUNNO", text)

    def test_any_number_of_empty_lines_between_requests(self):
        bad, good = (render(request).decode() for request in (rcpt(sender="a@bad.test", client_address="::1"), rcpt()))
        for text in (f"{bad}{good}", f"\n{bad}\n\n\n{good}\n\n", f"\r\n{bad}\r\n{good}\r\n\r\n", f"{bad}{good[:-2]}"):
            with self.subTest(text=text):
                result = run("explain", "-c", self.conf(POLICY), stdin=text)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stdout.count("decision: "), 2)

    def test_json(self):
        policy = POLICY + "acl never sender never\naccess never ok\naction ok OK\n"
        bad = render(rcpt(sender="a@bad.test", client_address="198.51.100.7")).decode()
        odd = render(rcpt(sender='"\x1b\\\udcff"@x.test', client_address="::1"))
        text = bad + odd.decode(errors="surrogateescape")
        result = run("explain", "--json", "-c", self.conf(policy), stdin=text)
        self.assertEqual(result.returncode, 0, result.stderr)
        first, second = map(json.loads, result.stdout.splitlines())
        self.assertEqual(first["decision"], "REJECT No mail from bad.test")
        self.assertEqual(first["rule"]["line"], 5)
        self.assertTrue(first["rule"]["file"].endswith("policy.conf"))
        self.assertEqual([(line["line"], line["matched"], line["reached"]) for line in first["lines"]],
                         [(5, True, True), (6, False, False), (8, False, False)])
        line = first["lines"][0]
        self.assertEqual((line["text"], line["chain"], line["action"]), ("access bad !office no", "main", "no"))
        self.assertEqual([(test["name"], test["negated"], test["truth"]) for test in line["tests"]],
                         [("bad", False, "TRUE"), ("office", True, "TRUE")])
        self.assertIn("bad.test", line["tests"][0]["reason"])
        self.assertEqual((first["effects"], first["look_up_failed"], first["nobody_asked"]), ([], False, False))
        self.assertEqual((second["decision"], second["rule"]), ("DUNNO", None))
        self.assertEqual(second["request"]["sender"], '"\x1b\\\ufffd"@x.test')

    def test_a_service_is_not_asked_and_that_is_said(self):
        conf = self.conf("acl all time 00:00-24:00\naction ask POLICY grey\naccess all ask\n", {
            "service a": {"address": f"inet:127.0.0.1:{free_port()}", "group": "grey"}})
        request = render(rcpt()).decode()
        text = run("explain", "-c", conf, stdin=request).stdout
        self.assertIn("POLICY grey is not asked here\n", text)
        self.assertIn("decision: DUNNO (the default: nothing matched, as nobody was asked)\n", text)
        told = json.loads(run("explain", "--json", "-c", conf, stdin=request).stdout)
        self.assertEqual((told["lines"][0]["would_ask"], told["nobody_asked"]), ("POLICY grey", True))

    def test_another_kind_of_request_is_dunno(self):
        told = json.loads(run("explain", "--json", "-c", self.conf(POLICY), stdin="request=foo\n\n").stdout)
        self.assertEqual((told["decision"], told["other_kind"], told["lines"]), ("DUNNO", "foo", []))

    def test_no_request_is_status_1(self):
        self.assertEqual(run("explain", "-c", self.conf(POLICY), stdin="\n").returncode, 1)

    def test_requests_from_a_file(self):
        path = self.directory.write("requests", render(rcpt(sender="a@bad.test", client_address="::1")).decode())
        result = run("explain", "-c", self.conf(POLICY), path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("REJECT No mail from bad.test", result.stdout)

    def test_a_malformed_request_is_status_1(self):
        self.assertEqual(run("explain", "-c", self.conf(POLICY), stdin="nonsense\n\n").returncode, 1)

    def test_a_broken_policy_is_status_1(self):
        self.assertEqual(run("explain", "-c", self.conf("acl oops\n"), stdin="\n").returncode, 1)

    def test_what_a_site_sends_is_shown_harmless(self):
        text = self.explain(POLICY, rcpt(sender="\x1b[31m@bad.test", client_address="::1"))
        self.assertNotIn("\x1b", text)


class Query(Case):
    def test_one_request_to_the_running_server(self):
        with Daemon(POLICY) as daemon:
            result = run("query", "-c", daemon.conf, "protocol_state=RCPT", "sender=a@bad.test",
                         "client_address=198.51.100.7")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("REJECT No mail from bad.test", result.stdout)

    def test_nobody_answers(self):
        result = run("query", "-c", self.conf(POLICY), "sender=a@bad.test")
        self.assertEqual(result.returncode, 1)
        self.assertNotEqual(result.stderr, "")

    def test_nothing_to_ask(self):
        for whom in (("-c", self.conf(POLICY)), ("--plugin", "cat")):
            result = run("query", *whom, stdin="")
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("nothing to ask", result.stderr)

    def fails(self, *arguments):
        result = run("query", *arguments, "--timeout", "1s", "sender=a@bad.test", timeout=PATIENCE)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        return result.stderr

    def test_an_answer_without_an_end(self):
        too_long = "the answer is longer than 8192 bytes; it sent 'y?y?y?"
        self.assertIn(too_long, self.fails("--plugin", "yes"))
        with Service("y\n" * 100_000, raw=True) as service:
            self.assertIn(too_long, self.fails("--server", f"inet:{service.address}"))

    def test_one_who_talks_on_past_the_deadline(self):
        drip = 'sh -c "while printf x; do sleep 0.01; done"'
        self.assertIn("no answer in time; it sent 'xx", self.fails("--plugin", drip))

    def test_what_came_in_place_of_an_answer_is_shown(self):
        cases = (("echo blah blah", "the plug-in ended without an answer; it sent 'blah blah'; exit status 0"),
                 ("true", "the plug-in ended without an answer; exit status 0"),
                 ('sh -c "echo blah blah; cat >/dev/null"', "no answer in time; it sent 'blah blah'"),
                 ('sh -c "printf \'\\033[31m\\n\\n\'; cat >/dev/null"', "not an answer; it sent '?[31m'"),
                 ('sh -c "printf \'action=DUNNO\\n\\nmore\'; cat >/dev/null"',
                  "the plug-in sent more than its answer: 'action=DUNNO??more"))
        for command, text in cases:
            with self.subTest(command):
                self.assertIn(text, self.fails("--plugin", command))
        with Service("blah blah\n", raw=True) as service:
            self.assertIn("the server closed the connection without an answer; it sent 'blah blah'",
                          self.fails("--server", f"inet:{service.address}"))


if __name__ == "__main__":
    unittest.main()
