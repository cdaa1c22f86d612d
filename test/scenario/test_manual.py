"""The manual pages: clean to mandoc(1), complete to the commands' own --help, and their examples work.

What they say of settings, types, verbs and variables is held against the tables in the unit tests of config and rule.
"""
import re
import shutil
import subprocess
import unittest

from support.daemon import ROOT, Directory, run

PAGES = sorted((ROOT / "doc").glob("*.[58]"))
NOT_BUILT = "Not built in yet"


def page(name):
    return (ROOT / "doc" / name).read_text().replace("\\\n", "")


def chapters(text):
    """The text below each .Ss and .Sh, by its title."""
    parts = re.split(r"^\.S[hs] (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def examples(text):
    """The literal displays, as the reader sees them."""
    return [block.replace("\\e", "\\").replace("\\&", "")
            for block in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", text, flags=re.M)]


def options_told(text):
    """-c and --config of ".It Fl c , -config Ar file"."""
    items = re.findall(r"^\.It Fl (.*)", text, flags=re.M)
    return {"-" + word for item in items for word in item.split(" Ar ")[0].split() if word != ","}


def options_of(*command):
    """What --help lists at the beginning of its lines."""
    lines = re.findall(r"^\s+(-\S(?:, ?--|,--|[\w-])*.*)", run(*command, "--help").stdout, flags=re.M)
    return {option for line in lines
            for option in re.match(r"(--?[\w-]+)(?:, ?(--[\w-]+))?", line).groups() if option}


class Pages(unittest.TestCase):
    def test_there_are_three(self):
        self.assertEqual([path.name for path in PAGES],
                         ["policymux-main.conf.5", "policymux-policy.conf.5", "policymux.8"])

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc")
    def test_mandoc_has_nothing_to_say(self):
        result = subprocess.run(["mandoc", "-T", "lint", "-W", "style", *map(str, PAGES)], capture_output=True,
                                text=True, check=False)
        # Whether other manuals are installed here is no fault of ours.
        told = [line for line in (result.stdout + result.stderr).splitlines()
                if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
        self.assertEqual(told, [])


class Commands(unittest.TestCase):
    TEXT = page("policymux.8")

    def test_every_command_and_no_other(self):
        told = chapters(self.TEXT)
        below_commands = self.TEXT[self.TEXT.index(".Sh COMMANDS"):self.TEXT.index(".Sh SIGNALS")]
        listed = re.findall(r"^\.Ss (.*)", below_commands, flags=re.M)
        real = run("--help").stdout.split("Subcommands:")[1]
        self.assertEqual(sorted(listed), sorted(re.findall(r"^  (\w+)", real, flags=re.M)))
        self.assertEqual(set(listed), set(re.findall(r"^\.Nm\n\.Cm (\w+)", told["SYNOPSIS"], flags=re.M)))

    def test_every_option_and_no_other(self):
        told = chapters(self.TEXT)
        common = options_told(told["DESCRIPTION"])
        self.assertEqual(common, {"-c", "--config", "--policy", "-h", "--help"})
        for command in re.findall(r"^  (\w+)", run("--help").stdout.split("Subcommands:")[1], flags=re.M):
            with self.subTest(command=command):
                self.assertEqual(options_told(told[command]) | common, options_of(command) | common)
                self.assertLessEqual(common, options_of(command))

    def test_defaults_are_those_of_the_help(self):
        for command in ("query", "ctl", "bench"):
            told = re.sub(r"\s+", " ", chapters(self.TEXT)[command])
            real = re.findall(r"^  (--[\w-]+) .*\(([\w.:]+)\)$", run(command, "--help").stdout, flags=re.M)
            for option, default in real:
                with self.subTest(command=command, option=option):
                    item = re.search(rf"\.It Fl {option[1:]} (.*?)(?:\.It|\.El)", told).group(1)
                    self.assertIn(default, item)


class Examples(unittest.TestCase):
    """Examples of one page use what those of another define: groups, a policy, a request."""

    def setUp(self):
        self.directory = Directory()
        self.addCleanup(self.directory.remove)
        (settings,) = examples(page("policymux-main.conf.5"))
        self.conf = self.directory.write("main.conf", settings)

    def check(self, policy):
        self.directory.write("policy.conf", policy)
        return run("check", "-c", self.conf)

    def test_policies(self):
        policies = examples(page("policymux-policy.conf.5"))
        self.assertEqual(len(policies), 3)
        for policy in policies:
            with self.subTest(policy=policy):
                result = self.check(policy)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertNotIn("policy.conf:", result.stderr)

    def test_what_is_not_built_in(self):
        policy = page("policymux-policy.conf.5")
        types = set(re.findall(r"^\.It Ic (\w+)", chapters(policy)[NOT_BUILT], flags=re.M))
        verbs = set(re.findall(rf"^\.It Ic (\w+) .*\n{NOT_BUILT}", policy, flags=re.M))
        values = {"rbl": "list.test", "rhsbl": "list.test", "dns": "has_mx", "spf": "pass", "country": "SE",
                  "asn": "64496", "table": "t", "greylisting": "", "rate": "limit=1/1h", "quota": "limit=1/1h",
                  "distinct": "of=country limit=1/1h", "lua": "f", "service": "grey"}
        text = "".join(f"acl {name} {name} {value}\naccess {name}\n" for name, value in values.items())
        text += "".join(f"action {name} {name} grey\naccess spf {name}\n" for name in ("LEARN", "NOTIFY", "POLICY"))
        self.directory.write("main.conf", "[group grey]\n[service a]\naddress = inet:127.0.0.1:9\ngroup = grey\n"
                                          "[table t]\ntype = file\n")
        told = self.check(text).stderr
        self.assertEqual(set(re.findall(r"acl type '(\w+)' is not built in", told)), types)
        self.assertEqual(set(re.findall(r"warning: ([A-Z]+) is not built in", told)), verbs)


if __name__ == "__main__":
    unittest.main()
