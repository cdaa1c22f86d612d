"""apolicy's users move over with their files as they are: its main.conf, its example lines, its tutorial."""
import datetime
import subprocess
import unittest

from support.client import rcpt
from support.daemon import BINARY, Daemon, environment, run

# Every example line of apolicy's documentation.
REFERENCE = """\
acl bad_sender sender foo@bar.com
acl bad_domain sender @bar.com
acl bad_sender sender foo@foo.com bar@bar.com
acl trap recipient trap@
acl other_trap recipient (sales|contact)@bar.com
acl dyn_host client_name (.dynamic.|.dhcp.)
acl mycontext policy_context context1 context2 silent
acl machine client_address 192.168.0.10
acl net1 client_address 192.168.1.0/24
acl net2 client_address 192.168.2.0/255.255.255.0
acl net3 client_address 192.168.3.0-192.168.3.255
acl weekend day sm
acl weekend day SATURDAY,Sunday
acl notweekend day Monday Tuesday-Friday
acl work time 08:00-17:00
acl spamhaus rbl zen.spamhaus.org
acl check_rbl rbl zen.spamhaus.org bl.spamcop.net
acl 10mb size 10240000
acl grey_1 greylisting
acl grey_2 greylisting time=2,lifetime=14400,backend=disk,root=/var/cache/apolicy/
"""

EXAMPLE = """\
acl bad_domain sender @bar.com
acl 10mb size 10240000
acl foo sender foo@domain.com
acl domain sender @domain.com
acl bar recipient bar@domain.com
action deny_spam REJECT Your domain is evil!
action nice_users OK
action deny_intruder REJECT This email does not receive outside of domain.com
action deny_max_10mb REJECT This user can not receive more than 10mb
action not_foo REJECT You are not foo!
access foo nice_users
access bad_domain deny_spam
access bar !domain deny_intruder
access bar 10mb deny_max_10mb
access !foo not_foo
"""

# The tutorial, in our words: foo is accepted and spammer.com is evil; bar takes mail from domain.com only; foo and
# bar get messages up to 10 and 20 MB.
TUTORIAL = """\
acl foo sender foo@domain.com
acl spammer sender @spammer.com
acl domain sender @domain.com
acl to_foo recipient foo@domain.com
acl to_bar recipient bar@domain.com
acl 10mb size 10485760
acl 20mb size 20971520
action accept OK
action evil REJECT Your domain is evil!
action intruder REJECT This email does not receive outside of domain.com
action too_large REJECT This message is too large
access to_foo 10mb too_large
access to_bar 20mb too_large
access foo accept
access spammer evil
access to_bar !domain intruder
"""


class Examples(unittest.TestCase):
    def decide(self, daemon, cases):
        for attributes, want in cases:
            with self.subTest(**attributes):
                self.assertEqual(daemon.ask(rcpt(**{"recipient": "user@here.test", **attributes})), want)

    def test_the_example(self):
        with Daemon(EXAMPLE) as daemon:
            self.decide(daemon, (
                ({"sender": "foo@domain.com"}, "OK"),
                ({"sender": "FOO@Domain.com"}, "OK"),
                ({"sender": "anybody@bar.com"}, "REJECT Your domain is evil!"),
                ({"sender": "x@y.test", "recipient": "bar@domain.com"},
                 "REJECT This email does not receive outside of domain.com"),
                ({"sender": "x@domain.com", "recipient": "bar@domain.com", "size": "10240001"},
                 "REJECT This user can not receive more than 10mb"),
                ({"sender": "x@domain.com", "recipient": "bar@domain.com", "size": "10240000"},
                 "REJECT You are not foo!"),
                ({"sender": "x@y.test"}, "REJECT You are not foo!"),
                ({"sender": ""}, "REJECT You are not foo!"),
            ))
            self.assertEqual(daemon.ask(protocol_state="CONNECT", client_address="192.0.2.1", sender=""), "DUNNO")

    def test_the_tutorial(self):
        with Daemon(TUTORIAL) as daemon:
            self.decide(daemon, (
                ({"sender": "foo@domain.com"}, "OK"),
                ({"sender": "a@spammer.com"}, "REJECT Your domain is evil!"),
                ({"sender": "a@other.test", "recipient": "bar@domain.com"},
                 "REJECT This email does not receive outside of domain.com"),
                ({"sender": "a@domain.com", "recipient": "bar@domain.com"}, "DUNNO"),
                ({"sender": "a@domain.com", "recipient": "foo@domain.com", "size": "10485761"},
                 "REJECT This message is too large"),
                ({"sender": "a@domain.com", "recipient": "foo@domain.com", "size": "10485760"}, "DUNNO"),
                ({"sender": "a@domain.com", "recipient": "bar@domain.com", "size": "10485761"}, "DUNNO"),
                ({"sender": "a@domain.com", "recipient": "bar@domain.com", "size": "20971521"},
                 "REJECT This message is too large"),
            ))

    def test_every_line_of_the_reference_loads(self):
        with Daemon(REFERENCE + EXAMPLE[EXAMPLE.index("acl foo"):]) as daemon:
            self.assertNotIn("error", daemon.log())
            self.assertEqual(daemon.ask(rcpt(sender="foo@domain.com")), "OK")

    def test_the_reference_behaves(self):
        names = ("bad_sender", "bad_domain", "trap", "other_trap", "dyn_host", "mycontext", "machine", "net1", "net2",
                 "net3", "10mb")
        policy = REFERENCE + "".join(f"action is_{name} REJECT {name}\naccess {name} is_{name}\n" for name in names)
        with Daemon(policy) as daemon:
            self.decide(daemon, (
                ({"sender": "foo@bar.com"}, "REJECT bad_sender"),
                ({"sender": "foo@foo.com"}, "REJECT bad_sender"),
                ({"sender": "bar@bar.com"}, "REJECT bad_sender"),
                ({"sender": "other@bar.com"}, "REJECT bad_domain"),
                ({"recipient": "trap@here.test"}, "REJECT trap"),
                ({"recipient": "sales@bar.com"}, "REJECT other_trap"),
                ({"recipient": "contact@bar.com"}, "REJECT other_trap"),
                ({"client_name": "a.dynamic.isp.test"}, "REJECT dyn_host"),
                ({"client_name": "a.dhcp.isp.test"}, "REJECT dyn_host"),
                ({"policy_context": "context2"}, "REJECT mycontext"),
                ({"policy_context": "silent"}, "DUNNO"),
                ({"client_address": "192.168.0.10"}, "REJECT machine"),
                ({"client_address": "192.168.0.11"}, "DUNNO"),
                ({"client_address": "192.168.1.255"}, "REJECT net1"),
                ({"client_address": "192.168.2.1"}, "REJECT net2"),
                ({"client_address": "192.168.3.255"}, "REJECT net3"),
                ({"client_address": "192.168.4.0"}, "DUNNO"),
                ({"size": "10240001"}, "REJECT 10mb"),
                ({"size": "10240000"}, "DUNNO"),
            ))

    def test_days(self):
        letters = "mtwhfas"  # h is Thursday, a Saturday
        names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
        today = datetime.datetime.now(datetime.timezone.utc).weekday()
        values = {"letters": letters, "letter": letters[today], "others": letters.replace(letters[today], ""),
                  "name": names[today].upper(), "range": f"{names[today - 1]}-{names[today]}"}
        policy = "".join(f"acl {name} day {value}\naction is_{name} REJECT {name}\n"
                         f"acl ask_{name} recipient {name}@\naccess ask_{name} {name} is_{name}\n"
                         for name, value in values.items())
        with Daemon(policy, env={"TZ": "UTC"}) as daemon:
            self.decide(daemon, [({"recipient": f"{name}@x.test"}, "DUNNO" if name == "others" else f"REJECT {name}")
                                 for name in values])

    def test_times(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        near = f"{now - datetime.timedelta(hours=1):%H:%M}-{now + datetime.timedelta(hours=1):%H:%M}"
        far = f"{now + datetime.timedelta(hours=2):%H:%M}-{now - datetime.timedelta(hours=2):%H:%M}"
        policy = (f"acl near time {near}\nacl far time {far}\naction in REJECT near\naction out REJECT far\n"
                  "access far out\naccess near in\n")
        with Daemon(policy, env={"TZ": "UTC"}) as daemon:
            self.assertEqual(daemon.ask(rcpt()), "REJECT near")

    def test_the_default_action(self):
        policy = "action default REJECT Closed\nacl foo sender foo@domain.com\naction yes OK\naccess foo yes\n"
        with Daemon(policy) as d:
            self.assertEqual(d.ask(rcpt(sender="foo@domain.com")), "OK")
            self.assertEqual(d.ask(rcpt()), "REJECT Closed")

    def test_an_access_line_without_an_action(self):
        policy = "acl foo sender foo@domain.com\nacl all sender .\naction no REJECT No\naccess foo\naccess all no\n"
        with Daemon(policy) as d:
            self.assertEqual(d.ask(rcpt(sender="foo@domain.com")), "DUNNO")
            self.assertEqual(d.ask(rcpt()), "REJECT No")

    def test_a_file_of_values(self):
        with Daemon(start=False, files={"bad": "foo@bar\\.com\r\n# comment\n\n  @evil\\.test  \n"}) as daemon:
            daemon.write_policy(f"acl bad sender {daemon.directory.path}/bad\naction no REJECT No\naccess bad no\n")
            daemon.start()
            self.decide(daemon, (({"sender": "foo@bar.com"}, "REJECT No"), ({"sender": "x@evil.test"}, "REJECT No"),
                                 ({"sender": "comment@x.test"}, "DUNNO")))


class MainConf(unittest.TestCase):
    """apolicy's main.conf is read by Python 2's ConfigParser's rules."""

    def daemon(self):
        daemon = Daemon(EXAMPLE, start=False)
        keys = (f"Listen: inet:127.0.0.1:{daemon.inet[1]}\n"
                f"POLICY_PATH : {daemon.directory.path}/policy.conf ; where the rules are\n"
                "timeout=5\n; a comment\n# another\nlog_to = stderr\nsome_old_key = nobody knows\n")
        daemon.directory.write("main.conf", keys + ("user = root\n" if daemon.settings["user"] else ""))
        return daemon

    def test_apolicy_config_path(self):
        with self.daemon() as daemon:
            with open(daemon.log_path, "ab") as log:
                daemon.process = subprocess.Popen([BINARY, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                  env=environment(APOLICY_CONFIG_PATH=daemon.conf))
            daemon.wait_ready()
            self.assertEqual(daemon.ask(rcpt(sender="anybody@bar.com")), "REJECT Your domain is evil!")
            self.assertRegex(daemon.log(), r"(?i)warning.*some_old_key")

    def test_our_own_variable_comes_first(self):
        with self.daemon() as daemon:
            result = run("check", APOLICY_CONFIG_PATH="/nonexistent", POLICYMUX_CONFIG="/nonexistent/too")
            self.assertEqual(result.returncode, 1)
            self.assertIn("/nonexistent/too", result.stderr)
            result = run("check", APOLICY_CONFIG_PATH=daemon.conf)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_same_file_given_with_c_is_read_by_our_own_rules(self):
        with self.daemon() as daemon:
            result = run("check", "-c", daemon.conf)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr + result.stdout, r"main\.conf:\d+")


if __name__ == "__main__":
    unittest.main()
