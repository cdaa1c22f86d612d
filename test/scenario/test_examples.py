"""The plug-ins of conf/examples: each program by itself, as the daemon runs it."""
import subprocess
import unittest

from support.client import rcpt, render
from support.daemon import ROOT, environment
from support.net import PATIENCE

PLUGINS = ROOT / "conf/examples/plugins"
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


if __name__ == "__main__":
    unittest.main()
