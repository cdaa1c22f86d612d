"""Servers under test: started, watched, stopped."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POLICYMUX", str(ROOT / "build/release/src/cli/policymux"))
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = (CORES[0], CORES[1]) if len(CORES) > 1 else (None, None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    """A server under test, on inet, unix or both. One that puts itself into the background has a pidfile."""

    def __init__(self, name, place, command, inet=None, unix=None, log=None, pidfile=None, core=SERVER_CORE):
        self.name, self.targets, self.log, self.pidfile = name, {}, log, pidfile
        if inet:
            self.targets["inet"] = f"inet:127.0.0.1:{inet}"
        if unix:
            self.targets["unix"] = f"unix:{unix}"
        pin = ["taskset", "-c", str(core)] if core is not None else []
        output = open(log, "ab") if log else subprocess.DEVNULL
        self.started = time.monotonic()
        self.process = subprocess.Popen([*pin, *map(str, command)], cwd=place, stdin=subprocess.DEVNULL, stdout=output,
                                        stderr=output, start_new_session=True)
        try:
            self.wait(inet, unix)
        except BaseException:
            self.stop()
            raise
        self.ready = time.monotonic() - self.started

    def wait(self, inet, unix):
        """Until it has answered a first request."""
        while time.monotonic() < self.started + 20:
            with contextlib.suppress(OSError), socket.socket(socket.AF_INET if inet else socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(("127.0.0.1", inet) if inet else str(unix))
                s.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
                          b"client_address=192.0.2.9\nclient_name=x.example\nreverse_client_name=x.example\n"
                          b"helo_name=x\nsender=a@b.example\nrecipient=c@d.example\ninstance=1.2\n\n")
                self.answer = s.recv(4096)
                if self.answer.startswith(b"action="):
                    return
            if self.process.poll() is not None and not self.pidfile:
                break
            time.sleep(0.001)
        raise RuntimeError(f"{self.name} does not answer")

    def cpu(self):
        """Nanoseconds on a core."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0])

    def resident(self):
        """MiB."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    def stop(self):
        with contextlib.suppress(OSError):
            if self.pidfile:
                os.kill(int(self.pidfile.read_text()), signal.SIGTERM)
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start_ours(place, name, policy, log_decisions="matched", core=SERVER_CORE):
    port, path = free_port(), place / f"{name}.sock"
    (place / f"{name}-policy.conf").write_text(policy)
    conf = place / f"{name}.conf"
    conf.write_text(f"[main]\nlisten = inet:127.0.0.1:{port} unix:{path}\npolicy_path = {place}/{name}-policy.conf\n"
                    f"log_to = stderr\nlog_decisions = {log_decisions}\n")
    return Server(name, place, [BINARY, "serve", "-c", conf], inet=port, unix=path, log=place / f"{name}.log",
                  core=core)


def start_postfwd(place, name, rules, *options):
    path = place / f"{name}.cf"
    path.write_text(rules)
    port, cache, state = free_port(), free_port(), place / name
    state.mkdir()
    shutil.chown(state, "nobody", "nogroup")
    return Server(name, place, ["postfwd", "-n", "-f", path, "-i", "127.0.0.1", "-p", port, "--cache_interface",
                  "127.0.0.1", "--cache_port", cache, "--pidfile", state / "pid", "-u", "nobody", "-g", "nogroup",
                  *options], inet=port, pidfile=state / "pid")
