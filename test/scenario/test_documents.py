"""The examples of doc/, for people who come from elsewhere and on plug-ins, and how README.md says to install."""
import os
import re
import shutil
import subprocess
import unittest

from support.client import rcpt
from support.daemon import BINARY, ROOT, Daemon, Directory, environment, run
from support.document import Document, replay
from support.service import Service

WINNER = 'package PFXCheck; sub new { return bless {}, shift } sub do_check { return "OK (you win!)" } 1;\n'
GREYLISTED = "DEFER_IF_PERMIT Greylisted"


class Page(unittest.TestCase):
    """`self.programs` stands for /usr/sbin and /usr/lib/policymux, `self.etc` for /etc/policymux or /etc/apolicy."""

    def setUp(self):
        self.daemon = Daemon(start=False)
        self.addCleanup(self.daemon.directory.remove)
        self.etc = self.daemon.directory.path
        self.port = str(self.daemon.inet[1])
        self.programs = self.etc / "programs"
        self.programs.mkdir(mode=0o755)
        for name in ("policymux", "hapolicy"):
            (self.programs / name).symlink_to(BINARY)
        # The daemon's user cannot look into every place where somebody keeps the source.
        shutil.copy(ROOT / "tools/pfxpold-worker", self.programs)
        shutil.copytree(ROOT / "conf/examples/plugins", self.etc / "plugins")

    def write(self, files, **settings):
        """The files of a page; in main.conf also what a test needs."""
        more = {"log_to": "stderr", "user": self.daemon.settings["user"], **settings}
        lines = "".join(f"{key} = {value}\n" for key, value in more.items() if value is not None)
        for name, text in files.items():
            if name == "main.conf":
                text = text.replace("[main]\n", "[main]\n" + lines) if "[main]\n" in text else f"[main]\n{lines}{text}"
            self.daemon.directory.write(name, text)

    def replay(self, console, cwd=None):
        printed, wanted = replay(console, self.programs, cwd or self.etc)
        self.assertEqual(printed, wanted)


class Installing(unittest.TestCase):
    def test_the_commands_of_the_readme(self):
        directory = Directory()
        self.addCleanup(directory.remove)
        root = directory.path
        chapter = (ROOT / "README.md").read_text().split("\n## Installing\n")[1].split("\n## ")[0]
        commands = re.findall(r"^(?:install|ln) .*", chapter, flags=re.M)
        for command in commands:
            here = re.sub(r" /(usr|etc)/", rf" {root}/\1/", command)
            here = here.replace("build/release/src/cli/policymux", BINARY)
            subprocess.run(["sh", "-e", "-c", here], cwd=ROOT, check=True)
        self.assertEqual((root / "usr/lib/policymux/hapolicy").resolve(), root / "usr/sbin/policymux")
        for program in ("usr/sbin/policymux", "usr/lib/policymux/pfxpold-worker"):
            self.assertTrue(os.access(root / program, os.X_OK))
        for page in (ROOT / "doc").glob("*.[58]"):
            self.assertTrue((root / f"usr/local/share/man/man{page.suffix[1]}" / page.name).exists())
        unit = (root / "etc/systemd/system/policymux.service").read_text()
        self.assertIn("\nExecStart=/usr/sbin/policymux serve\n", unit)
        self.assertTrue((root / "etc/systemd/system/policymux.socket").exists())
        documentation = re.search(r"^Documentation=file://(\S+)$", unit, flags=re.M).group(1)
        self.assertTrue((root / documentation[1:]).exists())
        result = subprocess.run([root / "usr/sbin/policymux", "check", "-c", root / "etc/policymux/main.conf"],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)


class FromApolicy(Page):
    def test_as_the_page_says(self):
        page = Document("from-apolicy.md", {"/etc/apolicy": self.etc, "10001": self.port})
        self.write(page.files, listen=f"inet:127.0.0.1:{self.port}")
        check, explain, query = page.consoles
        self.replay(check)
        self.replay(explain)
        with open(self.daemon.log_path, "ab") as log:
            self.daemon.process = subprocess.Popen([BINARY, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   env=environment(APOLICY_CONFIG_PATH=self.daemon.conf))
        with self.daemon:
            self.daemon.wait_ready()
            self.replay(query)


class FromHapolicy(Page):
    def setUp(self):
        super().setUp()
        self.services = [Service(GREYLISTED), Service(GREYLISTED)]
        for service in self.services:
            self.addCleanup(service.close)
        self.page = Document("from-hapolicy.md", {
            "10.0.0.1:10031": self.services[0].address, "10.0.0.2:10031": self.services[1].address,
            "/usr/lib/policymux": self.programs, "10060": self.port})

    def test_by_hand(self):
        self.replay(self.page.consoles[0])
        self.assertEqual(self.services[0].requests[0]["sender"], "a@example.org")

    def test_the_line_of_master_cf(self):
        command = self.page.files["master.cf"].split("argv=")[1].strip()
        self.services[0].close()
        self.replay(f"$ printf 'sender=a\\n\\n' | {command}\naction={GREYLISTED}\n\n")
        self.assertEqual(len(self.services[1].requests), 1)

    def test_as_a_server(self):
        del self.page.files["master.cf"]
        self.write(self.page.files)
        self.daemon.start()
        with self.daemon:
            self.replay(self.page.consoles[1])
            self.services[0].close()
            self.replay(self.page.consoles[1])
            self.services[1].close()
            self.assertEqual(self.daemon.ask(rcpt()), "DUNNO")


class FromPfxpold(Page):
    def setUp(self):
        super().setUp()
        self.page = Document("from-pfxpold.md", {
            "/usr/lib/policymux": self.programs, "/etc/policymux": self.etc, "9998": self.port})
        self.daemon.directory.write("pfxpold/PFXCheck.pm", WINNER)

    def test_the_files_are_the_example_s(self):
        def meant(text):
            return [line for line in self.page.here(text).splitlines() if line and not line.startswith("#")]
        for name in ("main.conf", "policy.conf"):
            text = (ROOT / "conf/examples/pfxpold" / name).read_text()
            self.assertEqual([line for line in self.page.files[name].splitlines() if line], meant(text))

    def test_as_the_page_says(self):
        by_hand, with_nc = self.page.consoles
        self.replay(by_hand)
        self.write(self.page.files)
        self.daemon.start()
        with self.daemon:
            self.replay(with_nc)
            self.daemon.wait_log("(?i)warning.*request=")

    def test_lines_before_the_plug_in(self):
        self.write({"main.conf": self.page.files["main.conf"],
                    "policy.conf": self.page.files["bounces.conf"] + self.page.files["policy.conf"]})
        self.daemon.start()
        with self.daemon:
            self.assertEqual(self.daemon.ask(rcpt(sender="")), "DUNNO")
            self.assertEqual(self.daemon.ask(rcpt(sender="a@x.test")), "OK (you win!)")


class Plugins(Page):
    def setUp(self):
        super().setUp()
        self.page = Document("plugins.md", {"/etc/policymux": self.etc})

    def serve(self, policy):
        self.write({"main.conf": self.page.files["main.conf"], "policy.conf": self.page.files[policy]},
                   listen=f"inet:127.0.0.1:{self.port}")
        result = run("check", "-c", self.daemon.conf)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.daemon.start()
        return self.daemon

    def test_by_hand(self):
        self.replay(self.page.consoles[0], self.etc / "plugins")

    def test_as_an_action(self):
        with self.serve("policy.conf") as daemon:
            self.assertEqual(daemon.ask(rcpt("a@x.test", sender="A@x.test")), "REJECT 5.7.1 You are not yourself")
            self.assertEqual(daemon.ask(rcpt("a@x.test", sender="b@x.test")), "DUNNO")

    def test_as_a_test(self):
        with self.serve("test.conf") as daemon:
            self.assertEqual(daemon.ask(rcpt("a@x.test", sender="a@x.test")),
                             "REJECT 5.7.1 Please log in to write to yourself")
            self.assertEqual(daemon.ask(rcpt("a@x.test", sender="b@x.test")), "DUNNO")


if __name__ == "__main__":
    unittest.main()
