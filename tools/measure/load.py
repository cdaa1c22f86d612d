"""Load on servers (policymux bench), and what came of it."""
import json
import os
import statistics
import subprocess
import sys

from measure.server import BINARY, LOAD_CORE

WARM_UP = 0.2  # seconds


def say(text):
    print(text, file=sys.stderr, flush=True)


def load(target, connections, seconds, rate=0, requests=None, reconnect=False):
    command = [BINARY, "bench", "--target", target, "--connections", connections, "--rate", rate, "--json",
               "--duration", f"{seconds * 1000:.0f}ms", "--warm-up", f"{WARM_UP * 1000:.0f}ms"]
    if requests:
        command += ["--requests", requests]
    if reconnect:
        command += ["--reconnect"]
    if LOAD_CORE is not None:
        command += ["--cpu", LOAD_CORE]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=seconds + 60, check=False)
    if not result.stdout:
        raise RuntimeError(f"the load on {target} failed: {result.stderr.strip()}")
    return json.loads(result.stdout)


def measure(server, transport, connections, seconds, rate=0, requests=None, reconnect=False):
    before = server.cpu()
    report = load(server.targets[transport], connections, seconds, rate, requests, reconnect)
    report["cpu"] = (server.cpu() - before) / 1e9 / max(report["all_answers"], 1) * 1000  # seconds per 1,000 requests
    if server.log:
        os.truncate(server.log, 0)  # opened to append: the server goes on at the start
    return report


def median(values):
    return statistics.median(values)


def compare(contenders, transport, connections, rounds, seconds, rate=0, requests=None, reconnect=False):
    """Every contender in turn, `rounds` times: {name: [report, ...]}. `requests`: {name: file to send}."""
    requests = requests or {}
    reports = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, server in contenders.items():
            reports[name].append(measure(server, transport, connections, seconds, rate, requests.get(name), reconnect))
    return reports


def ratio(reports, name, key, base="floor"):
    """The median over the rounds, without those in which the other one was kept from answering at all."""
    return median(ours[key] / theirs[key] for ours, theirs in zip(reports[name], reports[base]) if theirs[key])
