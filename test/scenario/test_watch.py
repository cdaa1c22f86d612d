"""Lists change while the daemon serves: it notices, reads again what changed, and never takes half a list.

LANGUAGE: "Watching reacts to close-after-write and rename, after one second of quiet. A list that vanished, became empty
or has a mistake keeps its old content, with an error in the log, until a reload says otherwise."
"""
import os
import random
import shutil
import threading
import unittest

from support.client import Client, rcpt
from support.daemon import Daemon, SANITIZED
from support.net import wait_until


def policy(path, form="match=domain"):
    return f"acl listed sender {form} {path}\naction no REJECT No\naccess listed no\n"


class Watched(unittest.TestCase):
    """A daemon with one list, DIR/lists/list, of which one.test is a value."""

    def start(self, policy_of=policy, content="one.test\n", more=None, **settings):
        self.daemon = Daemon(start=False, settings=settings, files=more)
        self.daemon.__enter__()
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
        os.truncate(self.list, 0)
        self.list.open("a").close()
        self.keeps("no values")
        self.list.unlink()
        self.keeps("No such file")
        self.list.write_text("two.test\n")
        self.rejects("two.test")
        self.passes("one.test")

    def test_with_a_mistake(self):
        self.start()
        self.list.write_text("two.test\nno domain\n")
        self.keeps(r"list:2:1: error: .*no domain")
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

    def test_watch_files_no(self):
        self.start(watch_files="no")
        self.assertNotIn("not built in", self.daemon.log())
        self.list.write_text("two.test\n")
        self.daemon.settings["watch_files"] = "yes"
        self.daemon.write_main()
        self.assertNotIn("read again", self.daemon.log())
        self.daemon.reload()
        self.rejects("two.test")
        self.list.write_text("three.test\n")
        self.rejects("three.test")
        self.daemon.settings["watch_files"] = "no"
        self.daemon.write_main()
        self.daemon.reload()
        self.daemon.wait_log(r": reloaded$", 2)
        inotify = [os.readlink(f"/proc/{self.daemon.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{self.daemon.pid}/fd")]
        self.assertEqual(inotify.count("anon_inode:inotify"), 1)
        number = [fd for fd in os.listdir(f"/proc/{self.daemon.pid}/fd")
                  if os.readlink(f"/proc/{self.daemon.pid}/fd/{fd}") == "anon_inode:inotify"][0]
        with open(f"/proc/{self.daemon.pid}/fdinfo/{number}") as info:
            self.assertNotIn("inotify wd", info.read())


class UnderLoad(Watched):
    """A large list changes all the time: every answer is one that a whole version of it gives.

    Version n holds first-n.test, last-n.test and, in between, the many that all versions share.
    """
    SIZE = 10_000 if SANITIZED else 100_000
    ROUNDS = 8 if SANITIZED else 30

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
        except Exception as failure:  # pylint: disable=broad-except
            self.wrong.append(repr(failure))

    def change(self, number, how):
        text = self.version(number)
        if how == "rewrite":
            half = len(text) // 2
            with self.list.open("w") as file:
                for part in (text[:half], text[half:]):
                    file.write(part)
                    file.flush()
        elif how == "replace":
            self.daemon.directory.write("lists/list", text)
        elif how == "truncate":
            with self.list.open("r+") as file:
                file.truncate(len(text) // 3)
                file.seek(0)
                file.write(text)
        elif how == "delete":
            self.list.unlink()
            self.list.write_text(text)

    def test_no_answer_is_ever_wrong(self):
        self.stopping, self.wrong = False, []
        self.start(content=self.version(0))
        seed = random.randrange(2**32)
        print(f"seed {seed}", flush=True)
        threads = [threading.Thread(target=self.ask_all_the_time, args=(address, seed + n))
                   for n, address in enumerate((self.daemon.inet, self.daemon.unix) * 2)]
        for thread in threads:
            thread.start()
        try:
            choose = random.Random(seed)
            for number in range(1, self.ROUNDS + 1):
                how = choose.choice(("rewrite", "replace", "truncate", "delete"))
                self.change(number, how)
                if choose.random() < 0.4:  # at once again
                    self.change(number, choose.choice(("rewrite", "replace", "truncate", "delete")))
                self.rejects(f"last-{number}.test")
                self.assertEqual(self.daemon.ask(rcpt(sender=f"a@first-{number}.test")), "REJECT No")
                self.assertEqual(self.daemon.ask(rcpt(sender=f"a@last-{number - 1}.test")), "DUNNO")
                self.assertEqual(self.wrong, [], f"{how} {number}; log:\n{self.daemon.log()[-3000:]}")
        finally:
            self.stopping = True
            for thread in threads:
                thread.join()
        self.assertEqual(self.wrong, [])


if __name__ == "__main__":
    unittest.main()
