"""The daemon under test: its configuration in a directory of its own, its process, its log."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from . import client
from .net import PATIENCE, free_port, serves, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("POLICYMUX", str(ROOT / "build/release/src/cli/policymux"))
if not os.access(BINARY, os.X_OK):
    sys.exit(f"there is no {BINARY}: tools/test builds it, POLICYMUX names another")
HANDOVER = pathlib.Path(__file__).with_name("handover.py")
SANITIZED = os.environ.get("POLICYMUX_SANITIZED") == "1"
LONG = os.environ.get("POLICYMUX_LONG") == "1"

_FINDING = re.compile(r"ERROR: (Address|Leak|UndefinedBehavior)Sanitizer|runtime error:|Assertion .* failed")


def long_test(test):
    """A test, or a class of them, for `tools/test --long` alone."""
    return test if LONG else None


def environment(**more):
    """The caller's environment without what would choose another configuration."""
    env = {k: v for k, v in os.environ.items() if k not in ("POLICYMUX_CONFIG", "APOLICY_CONFIG_PATH")}
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    return {**env, **more}


class Directory:
    """A temporary directory that the daemon can read after it has dropped its privileges."""

    def __init__(self, prefix="policymux-test-"):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.path.chmod(0o755)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text):
        """In one step, as a careful editor does: a reload that is under way never sees half a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text)
        return fresh.replace(path)


def main_conf(sections):
    """main.conf of {"main": {"key": value}, "service x": {...}}; a value of None leaves the key out."""
    return "".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None) + "\n"
        for section, keys in sections.items())


def run(*arguments, stdin="", stdout=subprocess.PIPE, cwd=None, timeout=60, **env):
    """A policymux command that ends by itself: its status, stdout and stderr."""
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True,
                          errors="surrogateescape", timeout=timeout, cwd=cwd, env=environment(**env), check=False)


class Daemon:
    """`policymux serve`. Listens on inet and unix; logs to a file; is ready when the constructor is done.

    policy    the text of policy.conf
    files     more files beside it, {name: text}
    settings  of [main], over the defaults below; sections: further ones
    command   replaces "serve -c main.conf"; prefix: what runs in front of the daemon (strace)
    limit     a function that runs in the child before the daemon (resource.setrlimit)
    sockets   are handed over as systemd does
    """

    def __init__(self, policy="", *, files=None, settings=None, sections=None, prefix=(), arguments=(), limit=None,
                 env=None, sockets=(), start=True):
        self.directory = Directory()
        self.inet = ("127.0.0.1", free_port())
        self.unix = str(self.directory.path / "policy.sock")
        self.log_path = self.directory.path / "log"
        self.settings = {
            "listen": f"inet:127.0.0.1:{self.inet[1]} unix:{self.unix}",
            "policy_path": self.directory.path / "policy.conf",
            "log_to": "stderr",
            # The leak checker cannot look into a process that has changed its user.
            "user": "root" if SANITIZED and os.geteuid() == 0 else None,
            **(settings or {}),
        }
        self.sections = sections or {}
        self.prefix, self.arguments, self.limit, self.env = list(prefix), list(arguments), limit, env or {}
        self.sockets = list(sockets)
        self.binary, self.process = BINARY, None
        self.write_policy(policy)
        for name, text in (files or {}).items():
            self.directory.write(name, text)
        self.write_main()
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self.process and self.process.poll() is None:
                status = self.stop()
                if kind is None and status != 0:
                    raise AssertionError(f"exit status {status} after SIGTERM; log:\n{self.log()}")
            if kind is None:
                self.check_findings()
        finally:
            self.directory.remove()

    # Configuration.
    @property
    def conf(self):
        return str(self.directory.path / "main.conf")

    def write_policy(self, text):
        self.directory.write("policy.conf", text)

    def write_main(self):
        self.directory.write("main.conf", main_conf({"main": self.settings, **self.sections}))

    # The process.
    def spawn(self):
        command = [self.binary, "serve", "-c", self.conf, *self.arguments]
        fds = [s.fileno() for s in self.sockets]
        if fds:
            command = [sys.executable, HANDOVER, ",".join(map(str, fds)), *command]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.limit,
                pass_fds=fds, env=environment(**self.env))

    def start(self):
        try:
            self.spawn()
            self.wait_ready()
        except BaseException:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.directory.remove()
            raise

    def wait_ready(self, address=None):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with status {self.process.returncode}; log:\n{self.log()}")
            return serves(address or self.first_address())
        wait_until(ready, lambda: f"the daemon serves; log:\n{self.log()}")

    def first_address(self):
        listen = str(self.settings["listen"])
        return self.inet if f":{self.inet[1]}" in listen else self.unix

    @property
    def pid(self):
        """The daemon's own process id, also where a prefix (strace) is its parent."""
        if not self.prefix:
            return self.process.pid
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, patience=PATIENCE):
        return self.process.wait(patience)

    def stop(self):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"the daemon did not stop; log:\n{self.log()}") from None

    def reload(self, policy=None):
        """A new policy, SIGHUP, and nothing more: wait_log() tells when it is done."""
        if policy is not None:
            self.write_policy(policy)
        self.signal(signal.SIGHUP)

    def status(self, field):
        """A line of /proc/PID/status, split: status("Uid") is ["0", "0", "0", "0"]."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return line.split()[1:]
        raise KeyError(field)

    # The log.
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, count=1):
        """Waits until the log holds `count` matches, and returns the last."""
        found = wait_until(lambda: (m := list(re.finditer(pattern, self.log(), re.M))) and len(m) >= count and m,
                           lambda: f"/{pattern}/ x {count} in the log:\n{self.log()}")
        return found[-1]

    def check_findings(self):
        if _FINDING.search(self.log()):
            raise AssertionError(f"the sanitizer speaks:\n{self.log()}")

    # Questions.
    def ask(self, attributes=None, **more):
        return client.ask(self.first_address(), attributes, **more)

    def client(self, address=None):
        return client.Client(address or self.first_address())
