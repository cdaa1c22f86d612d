"""The plug-ins of conf/examples: each program by itself, as the daemon runs it, and all of them served."""
import re
import shutil
import sqlite3
import subprocess
import unittest

from support.client import rcpt, render
from support.daemon import ROOT, Daemon, environment, run
from support.net import PATIENCE

EXAMPLES = ROOT / "conf/examples"
PLUGINS = EXAMPLES / "plugins"
SQL = ROOT / "test/data/plugins/sql/PFXCheck.pm"
UNAVAILABLE = "451 4.3.5 Policy service unavailable"
KEY = {"TAG_KEY": "a key of the test"}


def tag_of(user):
    return subprocess.run([str(PLUGINS / "tagged.pl"), user], capture_output=True, text=True, check=True,
                          env=environment(**KEY)).stdout.strip()


class Programs(unittest.TestCase):
    def ask(self, program, *requests):
        """The actions of a plug-in that gets the requests one by one, as the daemon sends them, and then the end."""
        arguments = [str(PLUGINS / program[0]), *program[1:]]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment(**KEY)) as plugin:
            self.addCleanup(plugin.kill)
            answers = []
            for attributes in requests:
                plugin.stdin.write(render(attributes))
                plugin.stdin.flush()
                answers.append(plugin.stdout.readline().decode())
                self.assertEqual(plugin.stdout.readline(), b"\n")
            plugin.stdin.close()
            self.assertEqual(plugin.stdout.read(), b"")
            self.assertEqual(plugin.wait(PATIENCE), 0)
        return answers

    def test_tagged(self):
        good = tag_of("joe")
        self.assertRegex(good, r"^joe\+[0-9a-f]{8}$")
        answers = self.ask(("tagged.pl",), *(rcpt(recipient) for recipient in (
            good + "@x.test", good.upper() + "@x.test", "joe@x.test", "joe+@x.test", good[:-1] + "@x.test",
            "jim" + good[3:] + "@x.test", "")))
        self.assertEqual([answer.split()[0] for answer in answers],
                         ["action=DUNNO"] * 3 + ["action=REJECT"] * 3 + ["action=DUNNO"])

    def test_tagged_needs_a_key(self):
        result = subprocess.run([str(PLUGINS / "tagged.pl")], input=b"", capture_output=True, check=False, env={})
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual((result.stdout, result.stderr), (b"", b"tagged.pl: TAG_KEY is not set\n"))

    def test_yourself(self):
        answers = self.ask(("yourself.py",), rcpt("a@x.test", sender="A@x.test"), rcpt("a@x.test", sender="b@x.test"),
                           rcpt("", sender=""), rcpt("\udce4@x.test", sender="\udce4@x.test"), {})
        self.assertEqual([answer.split()[0] for answer in answers],
                         [f"action={verb}" for verb in ("REJECT", "DUNNO", "DUNNO", "REJECT", "DUNNO")])

    def test_yourself_has_ten_lines(self):
        lines = (PLUGINS / "yourself.py").read_text().splitlines()
        self.assertEqual(len([line for line in lines if line and not line.startswith("#")]), 10)

    def test_disk_full(self):
        for percent, want in (("0", "DEFER 4.3.1 No space left"), ("101", "DUNNO")):
            self.assertEqual(self.ask(("disk-full.sh", "/", percent), rcpt(), rcpt()), [f"action={want}\n"] * 2)

    def test_disk_full_without_a_disk_gives_no_answer(self):
        result = subprocess.run([str(PLUGINS / "disk-full.sh"), "/nonexistent", "95"], input=render(rcpt()),
                                capture_output=True, check=False, timeout=PATIENCE)
        self.assertEqual((result.returncode, result.stdout), (1, b""))


class Served(unittest.TestCase):
    """An example through the daemon, as it stands but for paths and the port."""

    def daemon(self, example, changed=(), **files):
        """`changed`: pairs of what stands in main.conf and what shall stand there. Files lie beside the example's."""
        daemon = Daemon(start=False)
        self.addCleanup(daemon.directory.remove)
        here = daemon.directory.path
        shutil.copytree(EXAMPLES / example, here / example)
        shutil.copy(ROOT / "tools/pfxpold-worker", here)  # the daemon's user may not look into where the source is
        for name, text in files.items():
            daemon.directory.write(f"{example}/{name}.pm", text)
        user = daemon.settings["user"]
        settings = (EXAMPLES / example / "main.conf").read_text()
        listen = f"listen = inet:127.0.0.1:{daemon.inet[1]}\nlog_to = stderr\n" + (f"user = {user}\n" if user else "")
        for theirs, ours in ((r"/(usr/lib|etc)/policymux", str(here)), ("listen = .*\n", listen), *changed):
            settings, count = re.subn(theirs, ours, settings)
            self.assertGreater(count, 0, theirs)
        daemon.directory.write("main.conf", settings)
        daemon.write_policy((EXAMPLES / example / "policy.conf").read_text())
        result = run("check", "-c", daemon.conf)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        daemon.start()
        return daemon

    def plugin(self, body):
        return ("package PFXCheck; sub new { return bless {}, shift }"
                f" sub do_check {{ my ($self, $in) = @_; {body} }} 1;")

    def test_pfxpold_by_hand(self):
        """Its documentation's test, by hand with nc, sends client_address, client_name and sender without `request=`
        and expects the plug-in's verdict."""
        with self.daemon("pfxpold") as daemon:
            seen = set()
            while len(seen) < 2:
                with daemon.client() as client:
                    client.send(b"sender=foo@example.com\nclient_address=1.2.3.4\nclient_name=foo.bar\n\n")
                    seen.add(client.action())
                self.assertLessEqual(seen, {"OK (you win!)", "DUNNO"})
            daemon.wait_log("(?i)warning: .*request=")
            with daemon.client() as client:
                client.send(b"sender=foo@example.com\nclient_name=foo.bar\n\n")
                self.assertEqual(client.action(), "REJECT Malformed request: it lacks client_address")
            daemon.wait_log(r"service pfxcheck \[\d+\]: warning: request \d+ lacks client_address")

    def test_pfxpold_sees_lower_case_and_logs(self):
        body = 'print "stray\\n"; main::dolog("debug", "asked"); system("echo echoed"); "REJECT $in->{sender}"'
        with self.daemon("pfxpold", (("#environment", "environment"),), PFXCheck=self.plugin(body)) as daemon:
            for _ in range(3):
                self.assertEqual(daemon.ask(rcpt(sender="Foo@Example.COM")), "REJECT foo@example.com")
            for line in ("stray", "debug: asked", "echoed"):
                daemon.wait_log(rf"service pfxcheck \[\d+\]: {line}$", 3)
        with self.daemon("pfxpold", (("worker ", "worker --keep-case "),), PFXCheck=self.plugin(body)) as daemon:
            self.assertEqual(daemon.ask(rcpt(sender="Foo@Example.COM")), "REJECT Foo@Example.COM")

    def test_pfxpold_without_an_answer(self):
        """A plug-in's `die` must not be an answer; a request whose worker dies goes to another one, once."""
        for body in ('die "no"', "undef", '""'):
            with self.subTest(body=body), self.unwell(body) as daemon:
                self.assertEqual(daemon.ask(rcpt()), "DUNNO")
                self.assertEqual(daemon.ask(rcpt(sender="")), UNAVAILABLE)
                self.assertEqual(daemon.ask(rcpt()), "DUNNO")
                daemon.stop()
                self.assertEqual(daemon.log().count("info: asked"), 2)

    def test_pfxpold_with_an_answer_that_postfix_would_not_understand(self):
        for body in ('"550"', '"FILTER nowhere"', '" REJECT"'):
            with self.subTest(body=body), self.unwell(body) as daemon:
                self.assertEqual(daemon.ask(rcpt()), "DUNNO")
                self.assertEqual(daemon.ask(rcpt(sender="")), UNAVAILABLE)

    def unwell(self, body):
        """A plug-in that is well but for the null sender."""
        return self.daemon("pfxpold", PFXCheck=self.plugin(
            f'return "DUNNO" if $in->{{sender}} ne ""; main::dolog("info", "asked"); {body}'))

    def test_pfxpold_with_sql(self):
        with self.daemon("pfxpold", ((r"#environment = DEBUG=1", "environment = ALLOWED_DATABASE=/nonexistent"),),
                         PFXCheck=SQL.read_text()) as daemon:
            self.assertEqual(daemon.ask(rcpt()), "DEFER No database")
            path = daemon.directory.path / "allowed.sqlite"
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE allowed (client TEXT, sender TEXT)")
                database.execute("INSERT INTO allowed VALUES ('192.0.2.1', '@example.test')")
            database.close()
            settings = (daemon.directory.path / "main.conf").read_text().replace("/nonexistent", str(path))
            daemon.directory.write("main.conf", settings)
            daemon.reload()
            daemon.wait_log("reloaded")
            self.assertEqual(daemon.ask(rcpt()), "OK")
            self.assertEqual(daemon.ask(rcpt(sender="a@elsewhere.test")), "REJECT Not from there")

    def test_the_three_programs(self):
        with self.daemon("plugins", (("change-me", '"' + KEY["TAG_KEY"] + '"'), ("/var 95", "/ 101"))) as daemon:
            good = tag_of("joe") + "@x.test"
            for attributes, want in ((rcpt(good), "DUNNO"), (rcpt("joe+bad@x.test"), "REJECT 5.1.1 No such address"),
                                     (rcpt("a@x.test", sender="a@x.test", sasl_username=""),
                                      "REJECT 5.7.1 You are not yourself"),
                                     (rcpt("a@x.test", sender="a@x.test", sasl_username="a"), "DUNNO")):
                with self.subTest(**attributes):
                    self.assertEqual(daemon.ask(attributes), want)

    def test_a_full_disk(self):
        with self.daemon("plugins", (("/var 95", "/ 0"),)) as daemon:
            self.assertEqual(daemon.ask(rcpt()), "DEFER 4.3.1 No space left here, please try again later")


if __name__ == "__main__":
    unittest.main()
