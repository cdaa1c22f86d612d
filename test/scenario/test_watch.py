"""Lists change while the daemon serves: it notices, reads again what changed, and never takes half a list.

LANGUAGE: "Watching reacts to close-after-write and rename, after one second of quiet. A list that vanished, became
empty or has a mistake keeps its old content, with an error in the log, until a reload says otherwise."
"""
import os
import pathlib
import pty
import random
import shutil
import subprocess
import threading
import time
import unittest

from support.client import Client, rcpt
from support.daemon import BINARY, LONG, Daemon, environment, long_test
from support.net import wait_until
from support.trace import can_trace


def policy(path, form="match=domain"):
    return f"acl listed sender {form} {path}\naction no REJECT No\naccess listed no\n"


class Watched(unittest.TestCase):
    """A daemon with one list, DIR/lists/list, of which one.test is a value."""

    def start(self, policy_of=policy, content="one.test\n", more=None, trace=None, **settings):
        self.daemon = Daemon(start=False, settings=settings, files=more)
        self.daemon.__enter__()
        self.trace = self.daemon.directory.path / "trace"
        if trace:
            self.daemon.prefix = ["strace", "-f", "-qq", "-e", f"trace={trace}", "-s", "300", "-o", str(self.trace)]
        self.addCleanup(self.daemon.__exit__, None)
        self.list = self.daemon.directory.path / "lists/list"
        self.daemon.directory.write("lists/list", content)
        self.daemon.write_policy(policy_of(self.list))
        self.daemon.start()
        self.rejects("one.test")

    def rejects(self, domain):
        wait_until(lambda: self.daemon.ask(rcpt(sender=f"a@{domain}")) == "REJECT No",
                   lambda: f"{domain} is rejected; log:\n{self.daemon.log()}")

    def passes(self, domain):
        wait_until(lambda: self.daemon.ask(rcpt(sender=f"a@{domain}")) == "DUNNO",
                   lambda: f"{domain} passes; log:\n{self.daemon.log()}")

    def keeps(self, why, count=1):
        """The old content stays, and the log says why."""
        self.daemon.wait_log(rf"error: list {self.list}: .*{why}.*: its old content stays in force", count)
        self.assertEqual(self.daemon.ask(rcpt(sender="a@one.test")), "REJECT No")


class Changes(Watched):
    def test_rewritten_in_place(self):
        self.start()
        self.list.write_text("two.test\nthree.test\n")
        self.rejects("two.test")
        self.passes("one.test")
        self.daemon.wait_log(rf"list {self.list}: 2 values, read again")

    def test_replaced_by_rename(self):
        self.start()
        self.daemon.directory.write("lists/list", "two.test\n")
        self.rejects("two.test")
        self.passes("one.test")

    def test_every_form_of_list(self):
        forms = {"match=exact": "a@{}", "match=suffix": "@{}", "match=regex": "@{}$", "match=glob": "*@{}",
                 "match=substring": "{}"}
        for form, value in forms.items():
            with self.subTest(form):
                self.start(lambda path, form=form: policy(path, form), value.format("one.test") + "\n")
                self.list.write_text(value.format("two.test") + "\n")
                self.rejects("two.test")
                self.passes("one.test")

    def test_a_list_of_numbers(self):
        self.start(lambda path: policy(path) + f"acl big size {path}.sizes\naccess big no\n",
                   more={"lists/list.sizes": "1000\n"})
        self.assertEqual(self.daemon.ask(rcpt(sender="a@x.test", size="500")), "DUNNO")
        self.daemon.directory.write("lists/list.sizes", "100\n")
        wait_until(lambda: self.daemon.ask(rcpt(sender="a@x.test", size="500")) == "REJECT No",
                   lambda: self.daemon.log())
        self.daemon.directory.write("lists/list.sizes", "many\n")
        self.daemon.wait_log(r"list .*list\.sizes: .*many.*: its old content stays in force")
        self.assertEqual(self.daemon.ask(rcpt(sender="a@x.test", size="500")), "REJECT No")

    def test_truncated_deleted_and_restored(self):
        self.start()
        self.list.open("w").close()
        self.keeps("no values")
        self.list.unlink()
        self.keeps("No such file")
        self.list.write_text("two.test\n")
        self.rejects("two.test")
        self.passes("one.test")

    def test_one_error_until_it_is_well_again(self):
        self.start()
        for _ in range(3):
            self.list.write_text("# nothing\n")
            self.keeps("no values")
        self.list.unlink()
        self.keeps("No such file")
        self.list.write_text("")
        self.daemon.wait_log("it has no values", 2)
        self.list.write_text("one.test\n")
        self.daemon.wait_log(rf": list {self.list}: 1 value, read again; it is well again$")
        aside = self.list.parent.with_name("aside")
        self.list.parent.rename(aside)
        self.keeps("No such file", 2)
        aside.rename(self.list.parent)
        self.daemon.wait_log(rf": list {self.list}: it is well again, and as it was$")
        self.assertEqual(self.daemon.log().count("its old content stays in force"), 4)

    def test_emptied_without_being_opened(self):
        self.start()
        os.truncate(self.list, 0)
        self.keeps("no values")

    def test_opened_and_emptied_but_not_yet_written(self):
        self.start()
        with self.list.open("w") as file:
            self.keeps("no values")
            file.write("two.test\n")
        self.rejects("two.test")

    def test_readable_again(self):
        self.start()  # as an ordinary user: root becomes one
        self.list.chmod(0)
        self.keeps("Permission denied")
        self.list.chmod(0o644)
        self.daemon.wait_log("well again")

    def test_a_directory_that_is_readable_again(self):
        self.start()
        self.list.parent.chmod(0)
        self.daemon.wait_log(rf"warning: cannot watch the lists in {self.list.parent}: Permission denied$")
        self.list.parent.chmod(0o755)
        self.list.write_text("two.test\n")
        self.rejects("two.test")
        self.daemon.wait_log(rf": the lists in {self.list.parent} are watched again$")
        self.list.write_text("three.test\n")
        self.rejects("three.test")
        self.assertEqual(self.daemon.log().count("cannot watch"), 1)

    def test_with_a_mistake(self):
        self.start()
        self.list.write_text("two.test\nno domain\n")
        self.keeps("line 2: .*no domain")
        self.assertEqual(self.daemon.ask(rcpt(sender="a@two.test")), "DUNNO")
        self.list.write_text("two.test\n")
        self.rejects("two.test")

    def test_a_bad_list_does_not_hold_back_a_good_one(self):
        self.start(lambda path: policy(path) + f"acl also sender match=domain {path}.more\naccess also no\n",
                   more={"lists/list.more": "more.test\n"})
        self.list.write_text("no domain\n")
        self.daemon.directory.write("lists/list.more", "much.test\n")
        self.rejects("much.test")
        self.keeps("no domain")

    def test_until_a_reload_says_otherwise(self):
        self.start()
        self.list.write_text("# nothing\n")
        self.keeps("no values")
        self.daemon.reload()
        self.passes("one.test")

    def test_the_policy_changes_on_reload_alone(self):
        self.start()
        self.daemon.write_policy(policy(self.list).replace("REJECT No", "REJECT Never"))
        self.list.write_text("one.test\ntwo.test\n")
        self.rejects("two.test")
        self.daemon.reload()
        wait_until(lambda: self.daemon.ask(rcpt(sender="a@two.test")) == "REJECT Never", "the new policy")

    def test_the_policy_may_have_gone(self):
        self.start()
        (self.daemon.directory.path / "policy.conf").unlink()
        self.list.write_text("two.test\n")
        self.rejects("two.test")

    def test_a_directory_that_vanishes_and_comes_back(self):
        self.start()
        shutil.rmtree(self.list.parent)
        self.keeps("No such file")
        self.daemon.directory.write("lists/list", "two.test\n")
        self.rejects("two.test")
        self.list.write_text("three.test\n")
        self.rejects("three.test")

    def test_a_symbolic_link_and_its_target(self):
        self.start()
        root = self.daemon.directory.path
        self.daemon.directory.write("v1/list", "v1.test\n")
        self.daemon.directory.write("v2/list", "v2.test\n")
        (root / "current").symlink_to("v1")
        (root / "link").symlink_to(root / "current/list")
        os.replace(root / "link", self.list)
        self.rejects("v1.test")
        (root / "next").symlink_to("v2")
        os.replace(root / "next", root / "current")
        self.rejects("v2.test")
        (root / "v2/list").write_text("v3.test\n")
        self.rejects("v3.test")

    def test_not_while_it_is_being_written(self):
        self.start()
        with self.list.open("w") as file:
            file.write("half.test\n")
            file.flush()
            self.daemon.reload()
            self.daemon.wait_log(r": reloaded$")
            self.assertEqual(self.daemon.ask(rcpt(sender="a@half.test")), "DUNNO")
            self.assertEqual(self.daemon.ask(rcpt(sender="a@one.test")), "REJECT No")
            file.write("whole.test\n")
        self.rejects("whole.test")
        self.rejects("half.test")

    def test_what_others_do_to_a_list_does_not_end_its_being_written(self):
        aside = lambda path: path.with_name(path.name + ".x")
        def move_and_back(path):
            path.rename(aside(path))
            aside(path).rename(path)
        ways = {"touched": lambda: subprocess.run(["touch", self.list], check=True),
                "moved away and back": lambda: move_and_back(self.list),
                "its directory moved away and back": lambda: move_and_back(self.list.parent)}
        for what, happens in ways.items():
            with self.subTest(what):
                self.start(lambda path: policy(path) + f"acl also sender match=domain {path}.more\naccess also no\n",
                           more={"lists/list.more": "more.test\n"})
                with self.list.open("w") as file:
                    file.write("half.test\n")
                    file.flush()
                    happens()
                    self.list.with_name("list.more").write_text("much.test\n")
                    self.rejects("much.test")
                    self.assertEqual(self.daemon.ask(rcpt(sender="a@half.test")), "DUNNO")
                    self.assertEqual(self.daemon.ask(rcpt(sender="a@one.test")), "REJECT No")
                    self.assertNotRegex(self.daemon.log(), "warning|error")
                    file.write("whole.test\n")
                self.rejects("whole.test")
                self.rejects("half.test")

    def watches(self):
        """Does the daemon watch anything?"""
        process = pathlib.Path(f"/proc/{self.daemon.pid}")
        numbers = [fd.name for fd in (process / "fd").iterdir() if os.readlink(fd) == "anon_inode:inotify"]
        self.assertEqual(len(numbers), 1)
        return "inotify wd" in (process / "fdinfo" / numbers[0]).read_text()

    def test_watch_files_no(self):
        self.start(watch_files="no")
        self.assertFalse(self.watches())
        self.list.write_text("two.test\n")
        self.daemon.settings["watch_files"] = "yes"
        self.daemon.write_main()
        self.daemon.reload()
        self.rejects("two.test")
        self.list.write_text("three.test\n")
        self.rejects("three.test")
        self.daemon.settings["watch_files"] = "no"
        self.daemon.write_main()
        self.daemon.reload()
        self.daemon.wait_log(r": reloaded$", 2)
        self.assertFalse(self.watches())


class Progress(unittest.TestCase):
    """How far the reading of a list has come is for people who wait: at a terminal, for longer than a second."""

    def check(self, size, stderr):
        with Daemon(start=False, settings={"listen": "inet:127.0.0.1:10001"}) as daemon:
            daemon.directory.write("list", "".join(f"domain-number-{i}.test\n" for i in range(size)))
            daemon.write_policy(policy(daemon.directory.path / "list"))
            return subprocess.run([BINARY, "check", "-c", daemon.conf], stdout=subprocess.DEVNULL, stderr=stderr,
                                  text=True, env=environment(), check=True).stderr

    def check_at_a_terminal(self, size):
        terminal, inner = pty.openpty()
        self.addCleanup(os.close, terminal)
        self.check(size, inner)
        os.close(inner)
        seen = b""
        try:
            while piece := os.read(terminal, 65536):
                seen += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        return seen.decode()

    def test_nothing_about_a_list_that_is_read_at_once(self):
        self.assertEqual(self.check_at_a_terminal(10), "")

    @long_test
    def test_one_line_about_a_long_one(self):
        self.assertRegex(self.check_at_a_terminal(8_000_000), r"^(\r\033\[Kreading .*/list: \d+ %)+\r\033\[K$")
        self.assertEqual(self.check(8_000_000, subprocess.PIPE), "")


@unittest.skipUnless(can_trace(), "needs strace, and leave to trace")
class OnlyWhatChanged(Watched):
    """What is read, seen from outside: which files are opened."""

    def start(self, *arguments, **more):
        super().start(*arguments, **more, trace="openat")

    def opened(self, name):
        return self.trace.read_text(errors="replace").count(f'/lists/{name}"')

    def test_a_list_that_changed_is_read_again_and_nothing_else(self):
        self.start(lambda path: policy(path) + f"acl also sender {path}.more\naccess also no\n",
                   more={"lists/list.more": "@more\\.test$\n"})
        self.assertEqual((self.opened("list"), self.opened("list.more")), (1, 1))
        self.daemon.directory.write("lists/list.more", "@much\\.test$\n")
        self.rejects("much.test")
        self.assertEqual((self.opened("list"), self.opened("list.more")), (1, 2))
        self.daemon.reload(policy_with_more := (self.daemon.directory.path / "policy.conf").read_text() + "# more\n")
        self.daemon.wait_log(r": reloaded$")
        self.assertEqual((self.opened("list"), self.opened("list.more")), (1, 2))
        self.daemon.directory.write("lists/list", "two.test\n")
        self.daemon.reload(policy_with_more)
        self.daemon.wait_log(r": reloaded$", 2)
        self.rejects("two.test")
        self.assertEqual((self.opened("list"), self.opened("list.more")), (2, 2))


class UnderLoad(Watched):
    """A large list changes all the time: every answer is one that a whole version of it gives.

    Version n holds first-n.test, last-n.test and, in between, the many that all versions share. Those who ask all the
    time ask for these, which must never pass, and for one that no version holds.
    """
    SIZE, ROUNDS = (1_000_000, 100) if LONG else (20_000, 10)
    PATIENCE = 120
    MOST_SECONDS = 1800  # in all: a slow machine does fewer rounds

    def version(self, number):
        many = "".join(f"d{i}.test\n" for i in range(self.SIZE))
        return f"one.test\nfirst-{number}.test\n{many}last-{number}.test\n"

    def ask_all_the_time(self, address, seed):
        choose = random.Random(seed)
        try:
            with Client(address) as client:
                while not self.stopping:
                    i = choose.randrange(self.SIZE)
                    if client.ask(rcpt(sender=f"a@d{i}.test")) != "REJECT No":
                        self.wrong.append(f"d{i}.test passed")
                    if client.ask(rcpt(sender="a@never.test")) != "DUNNO":
                        self.wrong.append("never.test was rejected")
                    self.answers += 2
        except Exception as failure:  # pylint: disable=broad-except
            self.wrong.append(repr(failure))

    # What may become of a list. Each ends with the text given.

    def rewrite(self, text):
        """In two parts, between which it is quiet for longer than the daemon waits."""
        with self.list.open("w") as file:
            file.write(text[:len(text) // 2])
            file.flush()
            time.sleep(1.5)
            file.write(text[len(text) // 2:])

    def rewrite_at_once(self, text):
        self.list.write_text(text)
        self.list.write_text(text)

    def replace(self, text):
        self.daemon.directory.write("lists/list", text)

    def truncate(self, text):
        errors = self.errors()
        self.list.open("w").close()
        self.wait_error(errors)
        self.list.write_text(text)

    def delete(self, text):
        errors = self.errors()
        self.list.unlink()
        self.wait_error(errors)
        self.list.write_text(text)

    def spoil(self, text):
        errors = self.errors()
        self.daemon.directory.write("lists/list", text + "no domain\n")
        self.wait_error(errors)
        self.replace(text)

    def move_away_and_back(self, text):
        aside = self.list.with_name("aside")
        self.list.rename(aside)
        aside.write_text(text)
        aside.rename(self.list)

    def cut_and_write(self, text):
        with self.list.open("r+") as file:
            file.truncate(len(text) // 3)
            file.write(text)
            file.truncate()

    WAYS = ("rewrite", "replace", "truncate", "delete", "spoil", "rewrite_at_once", "move_away_and_back",
            "cut_and_write")

    def errors(self):
        return self.daemon.log().count("its old content stays in force")

    def wait_error(self, before):
        wait_until(lambda: self.errors() > before, lambda: f"an error; log:\n{self.daemon.log()[-3000:]}",
                   self.PATIENCE)

    def test_no_answer_is_ever_wrong(self):
        self.stopping, self.wrong, self.answers = False, [], 0
        self.start(content=self.version(0))
        seed = random.randrange(2**32)
        print(f"seed {seed}", flush=True)
        threads = [threading.Thread(target=self.ask_all_the_time, args=(address, seed + n))
                   for n, address in enumerate((self.daemon.inet, self.daemon.unix) * 2)]
        for thread in threads:
            thread.start()
        try:
            ways = list(self.WAYS)
            random.Random(seed).shuffle(ways)
            end = time.monotonic() + self.MOST_SECONDS
            for number in range(1, self.ROUNDS + 1):
                if time.monotonic() > end:
                    break
                rounds = number
                way = ways[number % len(ways)]
                getattr(self, way)(self.version(number))
                said = f"round {number}, {way}"
                wait_until(lambda: self.daemon.ask(rcpt(sender=f"a@last-{number}.test")) == "REJECT No",
                           lambda: f"{said}; log:\n{self.daemon.log()[-3000:]}", self.PATIENCE)
                self.assertEqual(self.daemon.ask(rcpt(sender=f"a@first-{number}.test")), "REJECT No", said)
                self.assertEqual(self.daemon.ask(rcpt(sender=f"a@last-{number - 1}.test")), "DUNNO", said)
                self.assertEqual(self.wrong, [], f"{said}; log:\n{self.daemon.log()[-3000:]}")
        finally:
            self.stopping = True
            for thread in threads:
                thread.join()
        self.assertEqual(self.wrong, [])
        self.assertGreaterEqual(rounds, self.ROUNDS if LONG else len(self.WAYS))
        print(f"{self.SIZE} entries changed {rounds} times, {self.answers} answers, none wrong", flush=True)


if __name__ == "__main__":
    unittest.main()
