"""What the number of access lines costs: `tools/bench scale`. Writes its tables and pictures into doc/.

Policies of 10 to 100,000 lines and their traffic come from `policymux bench --generate`: mail that no line has to do
with (misses), and mail that was made to match a line each, the busiest lines most often (hits) or all alike
(scattered). The servers of all sizes are up together and take
turns. postfwd gets the same rules, without its cache of whole requests, as large as its minute allows.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from measure.chart import Curve, chart
from measure.document import machine, replace_part, table
from measure.load import compare, load, median, ratio, say
from measure.server import BINARY, ROOT, start_ours, start_postfwd

SIZES = (10, 100, 1_000, 10_000, 100_000)
BASE, LARGEST = 100, 100_000
WORST_SIZES = (100, 1_000, 10_000, 100_000)
TRAFFIC = ("misses", "hits", "scattered")
TRANSPORT, CONNECTIONS = "inet", 10
FIXED_RATE = 20_000
POSTFWD_SECONDS = 60
DOCUMENT = ROOT / "doc/performance.md"


def marks(part):
    return f"<!-- {part}: written by tools/bench scale -->", f"<!-- end of {part} -->"


def generate(product, lines):
    command = [BINARY, "bench", "--generate", product, "--lines", str(lines)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


class Workplace:
    """A directory of policies and requests."""

    def __init__(self, place):
        self.place = place

    def policy(self, lines, kind="policy"):
        path = self.place / f"{kind}-{lines}.conf"
        if not path.exists():
            path.write_text(generate(kind, lines))
        return path

    def requests(self, traffic, lines):
        path = self.place / ("misses.requests" if traffic == "misses" else f"{traffic}-{lines}.requests")
        if not path.exists():
            path.write_text(generate(traffic, lines))
        return path

    def in_process(self, policy, requests, count=0):
        (self.place / "empty.conf").touch()
        command = [BINARY, "bench", "--inline", "--json", "-c", self.place / "empty.conf", "--policy", policy,
                   "--requests", requests, "--count", count]
        result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=True)
        return json.loads(result.stdout)


# Measurements. Each returns plain values; what they look like comes further down.

def in_process(work):
    """{(traffic, lines): report}"""
    say("in process")
    return {(traffic, lines): work.in_process(work.policy(lines), work.requests(traffic, lines))
            for lines in SIZES for traffic in TRAFFIC}


def check_seconds(work):
    """How long `policymux check` takes with the largest policy."""
    say("check")
    begun = time.monotonic()
    subprocess.run([BINARY, "check", "-c", work.place / "empty.conf", "--policy", work.policy(LARGEST)], check=True,
                   capture_output=True, timeout=60)
    return time.monotonic() - begun


def served(work, options):
    """Throughput {traffic: {lines: [report, ...]}}, the same at a fixed rate, and resident MiB {lines: MiB}."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for lines in SIZES:
            say(f"start: {lines:,} lines")
            servers[lines] = start_ours(work.place, f"ours-{lines}", work.policy(lines).read_text())
            stack.callback(servers[lines].stop)
        resident = {lines: server.resident() for lines, server in servers.items()}
        throughput, fixed = {}, {}
        for traffic in TRAFFIC:
            say(f"throughput: {traffic}")
            requests = {lines: work.requests(traffic, lines) for lines in SIZES}
            throughput[traffic] = compare(servers, TRANSPORT, CONNECTIONS, options.rounds, options.seconds,
                                          requests=requests)
            fixed[traffic] = compare(servers, TRANSPORT, CONNECTIONS, 1, 2 * options.seconds, FIXED_RATE, requests)
        return throughput, fixed, resident


def postfwd(work):
    """{traffic: {lines: report}}; it ends where the time does."""
    deadline = time.monotonic() + POSTFWD_SECONDS
    reports = {traffic: {} for traffic in TRAFFIC}
    for lines in SIZES:
        if time.monotonic() > deadline - POSTFWD_SECONDS / 3:
            break
        say(f"postfwd: {lines:,} rules")
        try:
            server = start_postfwd(work.place, f"postfwd-{lines}", generate("postfwd", lines), "--cache", 0)
        except RuntimeError:
            break
        try:
            for traffic in TRAFFIC:
                reports[traffic][lines] = load(server.targets[TRANSPORT], CONNECTIONS, 3,
                                               requests=work.requests(traffic, lines))
        finally:
            server.stop()
    return reports


def worst(work):
    """{lines: microseconds}"""
    say("the worst policy")
    misses = work.requests("misses", 0)
    return {lines: work.in_process(work.policy(lines, "worst"), misses, 20)["decide_ns"] / 1000
            for lines in WORST_SIZES}


def reloads(server, stop, done):
    """Lets the server reload again and again; notes how long each took."""
    while not stop.is_set():
        before, begun = server.log.read_bytes().count(b"reloaded"), time.monotonic()
        os.kill(server.process.pid, signal.SIGHUP)
        while server.log.read_bytes().count(b"reloaded") == before:
            if stop.wait(0.05):
                return
        done.append(time.monotonic() - begun)


def reload(work):
    """The same load without and with reloads, and how long these took."""
    seconds = 10
    # Not pinned: while the loop is busy the helper finds a core where it can.
    server = start_ours(work.place, "reloading", work.policy(LARGEST).read_text(), "none", core=None)
    requests = work.requests("misses", LARGEST)
    try:
        say("load without reloads")
        quiet = load(server.targets[TRANSPORT], CONNECTIONS, seconds, requests=requests)
        say("load with reloads")
        stop, done = threading.Event(), []
        thread = threading.Thread(target=reloads, args=(server, stop, done))
        thread.start()
        try:
            busy = load(server.targets[TRANSPORT], CONNECTIONS, seconds, requests=requests)
        finally:
            stop.set()
            thread.join()
    finally:
        server.stop()
    return quiet, busy, done


def match_room():
    """The tables of bench-match, built as the daemon is."""
    say("the indexes (bench-match)")
    directory = pathlib.Path("build/bench")
    subprocess.run([ROOT / "tools/build", directory, "-Dtests=true", "-Db_lto=true", "--",
                    "test/unit/match/bench-match"], check=True)
    result = subprocess.run([ROOT / directory / "test/unit/match/bench-match"], capture_output=True, text=True,
                            timeout=600, check=True)
    indexes, patterns = result.stdout.split("\n\n")
    return indexes + "\n", patterns


# Words and pictures.

def scale_part(inline, check, throughput, fixed, resident, options):
    rates = {traffic: {lines: median(report["rate"] for report in reports) for lines, reports in each.items()}
             for traffic, each in throughput.items()}
    rows = []
    for lines in SIZES:
        row = [f"{lines:,}", f"{inline['misses', lines]['load_ms']:,.0f} ms", f"{resident[lines]:.1f} MiB"]
        for traffic in TRAFFIC:
            share = ratio(throughput[traffic], lines, "rate", BASE)
            cpu = median(report["cpu"] for report in throughput[traffic][lines])
            row += [f"{inline[traffic, lines]['decide_ns']:,.0f} ns", f"{cpu * 1000:.1f} us",
                    f"{rates[traffic][lines]:,.0f} ({share:.2f})", f"{fixed[traffic][lines][0]['p99']:,.0f} us"]
        rows.append(row)
    heads = ["lines", "load", "resident"]
    for traffic in TRAFFIC:
        heads += [f"{traffic}: decide", "CPU time", "requests/s (of 100 lines')", f"p99 at {FIXED_RATE:,}/s"]
    shares = {traffic: f"{traffic} {ratio(throughput[traffic], LARGEST, 'rate', BASE):.2f}" for traffic in TRAFFIC}
    words = (f"{machine()}; {TRANSPORT}, {CONNECTIONS} connections, {options.rounds} rounds of {options.seconds:g} s, "
             f"medians.\n\nThroughput with {LARGEST:,} lines against {BASE}: {shares['misses']}, {shares['hits']} "
             f"(at least 0.95 each), {shares['scattered']}. "
             f"`policymux check` of {LARGEST:,} lines (at most 2 s): {check:.2f} s.\n\n")
    return words + table(heads, rows), rates


def postfwd_part(reports):
    if not reports:
        return "postfwd is not installed on this machine: skipped.\n"
    largest = max(reports["misses"], default=0)
    rows = [[f"{lines:,}"] + [f"{reports[traffic][lines]['rate']:,.0f}" for traffic in TRAFFIC]
            for lines in SIZES if lines <= largest]
    return table(["rules", *(f"{traffic}: requests/s" for traffic in TRAFFIC)], rows)


def worst_part(micros):
    return table(["lines", "a decision", "a line"], [[f"{lines:,}", f"{us:,.0f} us", f"{us / lines * 1000:,.0f} ns"]
                                                    for lines, us in micros.items()])


def reload_part(quiet, busy, done):
    def row(name, report):
        lost = report["failures"] + report["unanswered"]
        latest = (f"{report[key] / 1000:.1f} ms" for key in ("p99", "p999", "max"))
        return [name, f"{report['rate']:,.0f}", *latest, lost]
    words = f"{len(done)} reloads in this time, of {median(done):.1f} s each.\n\n" if done else "No reload ended.\n\n"
    return words + table(["load", "requests/s", "p99", "p99.9", "latest", "lost"],
                         [row("without reloads", quiet), row("reloading again and again", busy)])


def pictures(inline, rates, peer):
    def curve(name, values, colour, dash):
        return [Curve(name, [(lines, value) for lines, value in values.items() if value], colour, dash)]
    throughput, deciding = [], []
    for dash, traffic in enumerate(TRAFFIC):
        throughput += curve(f"policymux, {traffic}", rates[traffic], 0, dash)
        deciding += curve(traffic, {lines: inline[traffic, lines]["decide_ns"] for lines in SIZES}, 0, dash)
        measured = {lines: report["rate"] for lines, report in peer[traffic].items()} if peer else {}
        throughput += curve(f"postfwd, {traffic}", measured, 1, dash) if any(measured.values()) else []
    return {"scale-throughput.svg": chart("Throughput by the size of the policy", "access lines", "requests per second",
                                          throughput),
            "scale-decide.svg": chart("One decision, in process", "access lines", "nanoseconds", deciding)}


def run(options):
    with tempfile.TemporaryDirectory(prefix="policymux-scale-") as name:
        work = Workplace(pathlib.Path(name))
        work.place.chmod(0o755)  # the daemon is not root when it reads its policy
        inline, check, micros = in_process(work), check_seconds(work), worst(work)
        throughput, fixed, resident = served(work, options)
        reloaded = reload(work)
        peer = postfwd(work) if shutil.which("postfwd") and not options.no_peers else None
    parts = {}
    parts["scale"], rates = scale_part(inline, check, throughput, fixed, resident, options)
    parts["postfwd"], parts["worst case"] = postfwd_part(peer), worst_part(micros)
    parts["reload"] = reload_part(*reloaded)
    if not options.no_match:
        parts["indexes"], parts["patterns"] = match_room()
    for part, text in parts.items():
        print(f"\n{part}\n\n{text}", end="")
        replace_part(DOCUMENT, marks(part), text)
    for file, svg in pictures(inline, rates, peer).items():
        (ROOT / "doc" / file).write_text(svg)


def add_command(commands):
    parser = commands.add_parser("scale", help="what the number of lines costs: writes doc/performance.md",
                                 description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each server has its turn (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a turn is (1)")
    parser.add_argument("--no-peers", action="store_true", help="without postfwd")
    parser.add_argument("--no-match", action="store_true", help="without the indexes alone (bench-match)")
    parser.set_defaults(measure=run)
