"""A Postfix of our own: the system's programs, our configuration, a queue in a temporary directory."""
import os
import pathlib
import pwd
import re
import shutil
import smtplib
import subprocess

from .daemon import Directory
from .net import PATIENCE, free_port, listens, wait_until

MASTER = """\
pickup    unix n - n 60  1 pickup
cleanup   unix n - n -   0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n -   - trivial-rewrite
bounce    unix - - n -   0 bounce
defer     unix - - n -   0 bounce
trace     unix - - n -   0 bounce
verify    unix - - n -   1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n -   - proxymap
showq     unix n - n -   - showq
error     unix - - n -   - error
retry     unix - - n -   - error
discard   unix - - n -   - discard
kept      unix - - n -   - smtp
anvil     unix - - n -   1 anvil
scache    unix - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def available():
    return os.geteuid() == 0 and shutil.which("postfix") is not None


class Postfix:
    """Listens on one port for each service given: {name: {parameter: value}} for smtpd's -o.

    Mail that is accepted is deferred at once and stays in the queue, where postcat can read it; what goes to
    discard.test is thrown away. `master` is more text for master.cf.
    REQUIRES: root (Postfix does), programs of Debian's packages postfix and swaks.
    """

    def __init__(self, services, master="", **parameters):
        self.directory = Directory("policymux-postfix-")
        self.root = self.directory.path
        self.etc = self.root / "etc"
        self.ports = {name: free_port() for name in services}
        for name, owner in (("etc", "root"), ("queue", "root"), ("data", "postfix"), ("log", "root")):
            (self.root / name).mkdir()
            os.chown(self.root / name, pwd.getpwnam(owner).pw_uid, 0)
        self._write_main({
            "compatibility_level": "3.6",
            "queue_directory": self.root / "queue",
            "data_directory": self.root / "data",
            "maillog_file": self.root / "log/mail.log",
            "maillog_file_prefixes": self.root,
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.example.test",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "local_recipient_maps": "",
            "default_transport": "kept:[127.0.0.1]",
            "defer_transports": "kept",
            "transport_maps": "inline:{ discard.test=discard: }",
            "smtpd_relay_restrictions": "permit_mynetworks reject",
            "smtpd_client_connection_rate_limit": "0",
            "smtpd_peername_lookup": "no",
            "smtpd_error_sleep_time": "0",
            "smtpd_hard_error_limit": "1000",
            "smtpd_tls_security_level": "none",
            "smtputf8_enable": "yes",
            "smtputf8_autodetect_classes": "all",
            **parameters,
        })
        self._write_master(services, master)
        self._control("start")
        wait_until(lambda: all(listens(("127.0.0.1", port)) for port in self.ports.values()),
                   lambda: f"Postfix listens; log:\n{self.log()}")

    def _write_main(self, parameters):
        text = "".join(f"{name} = {value}\n" for name, value in parameters.items())
        (self.etc / "main.cf").write_text(text)

    def _write_master(self, services, more):
        text = MASTER + more
        for name, options in services.items():
            text += f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd\n"
            text += "".join(f"  -o {{ {key} = {value} }}\n" for key, value in options.items())
        (self.etc / "master.cf").write_text(text)

    def _control(self, verb):
        result = subprocess.run(["postfix", "-c", str(self.etc), verb], capture_output=True, text=True,
                                env=self._environment(), check=False, timeout=60)
        if result.returncode != 0:
            raise AssertionError(f"postfix {verb}: {result.stdout}{result.stderr}\n{self.log()}")

    def _environment(self):
        return {**os.environ, "MAIL_CONFIG": str(self.etc), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}

    def stop(self):
        try:
            self._control("stop")
        finally:
            self.directory.remove()

    def log(self):
        path = self.root / "log/mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.log(), re.M),
                          lambda: f"/{pattern}/ in Postfix's log, which ends:\n{self.log()[-4000:]}", patience=15)

    # Clients.
    def swaks(self, service, *arguments):
        """A message by swaks: the transcript, and the exit status as .returncode."""
        return subprocess.run(
            ["swaks", "--server", "127.0.0.1", "--port", str(self.ports[service]), "--helo", "client.test",
             "--suppress-data", *arguments],
            capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)

    def smtp_source(self, service, *arguments):
        return subprocess.run(["smtp-source", *arguments, f"inet:127.0.0.1:{self.ports[service]}"],
                              capture_output=True, text=True, env=self._environment(), timeout=120, check=False)

    def smtp(self, service):
        """Python's own client, for commands that the others do not know."""
        return smtplib.SMTP("127.0.0.1", self.ports[service], timeout=PATIENCE, local_hostname="client.test")

    # The queue.
    def queue_file(self, queue_id):
        """Envelope and content of a message in the queue, as postcat shows them."""
        def postcat():  # finds nothing while the file moves from one queue to the next
            return subprocess.run(["postcat", "-c", str(self.etc), "-q", queue_id], capture_output=True, text=True,
                                  errors="replace", env=self._environment(), check=False, timeout=PATIENCE).stdout
        return wait_until(postcat, f"{queue_id} in the queue")

    def in_queue(self, queue, queue_id):
        """Is the message in that queue (hold, deferred)? Postfix may spread a queue over directories."""
        return any(path.name == queue_id for path in pathlib.Path(self.root / "queue" / queue).rglob("*"))


def queue_id(transcript):
    """The queue id of the message that was accepted."""
    found = re.search(r"queued as (\w+)", transcript)
    if not found:
        raise AssertionError(f"no message was accepted:\n{transcript}")
    return found[1]
