"""A plug-in of pfxpold's under policymux and under pfxpold itself: `tools/bench plugins --pfxpold DIRECTORY`.

pfxpold is not in Debian. The directory holds the script `pfxpold` and its sample PFXCheck.pm, unpacked; the same
plug-in runs under both, unchanged. They take turns within each round, and may use every core. pfxpold listens on port
9998, which has to be free, and wants root; it needs libunix-syslog-perl.
"""
import contextlib
import pathlib
import shutil
import tempfile

from measure.document import machine, replace_part, table
from measure.load import compare, median, ratio, say
from measure.server import BINARY, ROOT, Server, free_port

PFXPOLD_PORT = 9998
DOCUMENT = ROOT / "doc/plugins.md"
MARKS = "<!-- plugins: written by tools/bench plugins --write -->", "<!-- end of plugins -->"
# What is measured, the connections, whether each request has a new one, and the budget: times pfxpold's own.
CASES = (("clients that reconnect for each request", 1, True, None),
         ("clients that reconnect for each request", 10, True, 20),
         ("kept connections", 1, False, None),
         ("kept connections", 10, False, 0.5))


def start_pfxpold(place, directory):
    return Server("pfxpold", place, ["env", "NOFORK=1", directory / "pfxpold"], inet=PFXPOLD_PORT, core=None)


def start_worker(place, directory):
    """Copies, because the daemon's user may not look into where the source is."""
    port = free_port()
    plugin = place / "plugin"
    shutil.copytree(directory, plugin)
    shutil.copy(ROOT / "tools/pfxpold-worker", place)
    (place / "policy.conf").write_text((ROOT / "conf/examples/pfxpold/policy.conf").read_text())
    conf = place / "main.conf"
    conf.write_text(f"[main]\nlisten = inet:127.0.0.1:{port}\nlog_to = stderr\nlog_decisions = none\n"
                    f"[service pfxcheck]\naddress = exec:{place}/pfxpold-worker {plugin}\ngroup = pfxpold\n")
    return Server("ours", place, [BINARY, "serve", "-c", conf], inet=port, log=place / "log", core=None)


def row(contenders, case, options):
    what, connections, reconnect, budget = case
    say(f"{what}, {connections}")
    reports = compare(contenders, "inet", connections, options.rounds, options.seconds, reconnect=reconnect)
    ours, theirs = (median(report["rate"] for report in reports[name]) for name in ("ours", "pfxpold"))
    share = ratio(reports, "ours", "rate", "pfxpold")
    verdict = "" if budget is None else "pass" if share >= budget else "**miss**"
    return [f"{what}, {connections} at a time", "" if budget is None else f">= {budget}", f"{share:.2f}",
            f"{ours:,.0f}/s", f"{theirs:,.0f}/s", verdict]


def run(options):
    directory = pathlib.Path(options.pfxpold).resolve()
    with tempfile.TemporaryDirectory(prefix="policymux-bench-") as name, contextlib.ExitStack() as stack:
        place = pathlib.Path(name)
        place.chmod(0o755)
        ours = start_worker(place, directory)
        stack.callback(ours.stop)
        pfxpold = start_pfxpold(place, directory)
        stack.callback(pfxpold.stop)
        rows = [row({"ours": ours, "pfxpold": pfxpold}, case, options) for case in CASES]
    text = (f"{machine()}; {options.rounds} rounds of {options.seconds:g} s each, medians; the load shares the cores.\n"
            "\n" + table(["pfxpold's sample plug-in", "budget", "against pfxpold", "policymux", "pfxpold", ""], rows))
    print(text, end="")
    if options.write:
        replace_part(DOCUMENT, MARKS, text)


def add_command(commands):
    parser = commands.add_parser("plugins", help="a plug-in of pfxpold's, under policymux and under pfxpold",
                                 description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--pfxpold", required=True, metavar="DIRECTORY", help="where pfxpold and its PFXCheck.pm are")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server has its turn (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a turn is (2)")
    parser.add_argument("--write", action="store_true", help="put the table into doc/plugins.md")
    parser.set_defaults(measure=run)
