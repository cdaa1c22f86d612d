"""Builds and runs all tests of the project, and ends with "N passed, N failed". Started by tools/test.

Each stage below is one kind of test. Every test case of a unit test program counts as one, every scenario test,
every fuzz target, every script that was read.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE, UNIT, SANITIZE, FUZZ = (pathlib.Path("build") / name for name in ("release", "unit", "sanitize", "fuzz"))
BINARY = "src/cli/policymux"
# Scenario tests that the sanitized daemon runs, too. Not among them: strace, and Postfix, which add nothing there;
# watching, which takes long and counts on strace and on files that the daemon's user may not read.
SANITIZED_SCENARIOS = ("test_daemon", "test_tutorial", "test_commands", "test_upstream", "test_spawn", "test_ctl")
TEST_TIMEOUT = 600  # seconds for one program

os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")


class Tally:
    """What has passed, failed and been skipped so far."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add(self, name, passed, failed=(), skipped=()):
        self.passed += passed
        self.failed += [f"{name}: {test}" for test in failed]
        self.skipped += [f"{name}: {test}" for test in skipped]
        also = f", {len(skipped)} skipped" if skipped else ""
        print(f"  {name}: {passed} passed, {len(failed)} failed{also}", flush=True)


def build(directory, options, *targets, compiler=None):
    environment = dict(os.environ, **({"CXX": compiler} if compiler else {}))
    status = subprocess.run(["./tools/build", str(directory), *options, "--", *targets], env=environment, check=False)
    if status.returncode != 0:
        sys.exit(f"cannot build {directory}")


def build_release():
    """What tools/run builds: the daemon as it is served and measured."""
    build(RELEASE, [], BINARY)


def build_unit():
    """Optimised, without the link-time optimisation that would cost each test program half a minute."""
    build(UNIT, ["-Dtests=true", "-Doptimization=2"])


def build_sanitized():
    """Not optimised, with line numbers but no more to debug with: that takes a third of the time to compile. Without the
    check of vptrs, which needs a pipe and so finds fault with a daemon that is out of descriptors."""
    build(SANITIZE, ["-Dtests=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debug",
                     "-Dcpp_args=-g1 -fno-sanitize=vptr"])


def long_runs(options):
    return {"POLICYMUX_LONG": "1"} if options.long else {}


# Unit tests: everything that meson calls a test.

def failed_cases(report):
    """Catch2's XML: for each failed case its name, its place, what was expected and what was there."""
    for case in report.iter("TestCase"):
        outcome = case.find("OverallResult")
        if outcome is None or outcome.get("success") == "true":
            continue
        print(f"\n{case.get('filename')}:{case.get('line')}: {case.get('name')}")
        for expression in case.iter("Expression"):
            if expression.get("success") != "true":
                original, expanded = (expression.findtext(part, "").strip() for part in ("Original", "Expanded"))
                print(f"  line {expression.get('line')}: {original}\n    with {expanded}")
        for message in (*case.iter("Exception"), *case.iter("FatalErrorCondition"), *case.iter("Failure")):
            print(f"  {(message.text or '').strip()}")
        yield case.get("name")


def run_catch(name, command, tally, **options):
    """A Catch2 program (version 2 or 3), counted by its XML report."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "report.xml"
        status, output = run_bounded([*command, "--reporter", "xml", "--out", str(path)], **options)
        try:
            report = ElementTree.parse(path)
            cases = report.findall(".//OverallResultsCases")[-1]
        except (OSError, ElementTree.ParseError, IndexError):
            print(output)
            return tally.add(name, 0, [f"ended with status {status} and without a report"])
    failed = list(failed_cases(report))
    passed, skipped = int(cases.get("successes", 0)), int(cases.get("skips", 0))
    if status != 0 and not failed:  # a leak is found after the last case
        failed = [f"ended with status {status}"]
    if failed:
        print(output)
    tally.add(name, passed, failed, ["cases that skipped themselves"] * skipped)


def run_plain(name, command, tally, **options):
    status, output = run_bounded(command, **options)
    if status != 0:
        print(output)
    tally.add(name, int(status == 0), [] if status == 0 else [f"ended with status {status}"])


def run_bounded(command, **options):
    """Status and output (both streams) of a program that is not given more than TEST_TIMEOUT."""
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                stdin=subprocess.DEVNULL, timeout=TEST_TIMEOUT, check=False, **options)
        return result.returncode, result.stdout
    except subprocess.TimeoutExpired as late:
        return "timeout", (late.stdout or b"").decode(errors="replace")


def meson_tests(directory, tally, environment):
    listing = subprocess.run(["meson", "introspect", "--tests", str(directory)], capture_output=True, text=True,
                             check=True)
    for test in json.loads(listing.stdout):
        program = pathlib.Path(test["cmd"][0])
        runner = run_catch if program.name.startswith("test-") else run_plain
        runner(f"{directory.name} {test['name']}", test["cmd"], tally, cwd=test["workdir"] or directory,
               env={**os.environ, **test["env"], **environment})


def unit(options, tally):
    build_unit()
    meson_tests(UNIT, tally, long_runs(options))
    build_sanitized()
    meson_tests(SANITIZE, tally, {})


# Scenario tests: the whole daemon.

def scenarios(name, tally, modules, environment):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "result.json"
        subprocess.run([sys.executable, "test/scenario/run.py", str(path), *modules], check=False,
                       env={**os.environ, **environment})
        try:
            result = json.loads(path.read_text())
        except OSError:
            result = {"passed": 0, "failed": ["the runner ended without a result"], "skipped": []}
    tally.add(name, **result)


def scenario(options, tally):
    build_release()
    scenarios("scenario", tally, (), {"POLICYMUX": str(ROOT / RELEASE / BINARY), **long_runs(options)})
    build_sanitized()
    # A test that needs what the sanitizers do not allow says so by skipping itself; it has run above.
    before = len(tally.skipped)
    scenarios("scenario sanitized", tally, SANITIZED_SCENARIOS,
              {"POLICYMUX": str(ROOT / SANITIZE / BINARY), "POLICYMUX_SANITIZED": "1"})
    del tally.skipped[before:]


# Fuzz targets: a bounded time each, side by side.

def clang():
    for version in ("16", "19", "18"):
        if shutil.which(f"clang++-{version}"):
            return f"clang++-{version}"
    return None


def fuzz(options, tally):
    names = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "test/fuzz").glob("fuzz_*.cc"))
    if not clang():
        return tally.add("fuzz", 0, [], [f"{name} (no clang)" for name in names])
    build(FUZZ, ["-Dfuzz=true", "-Dtests=false"], *(f"test/fuzz/fuzz-{name}" for name in names), compiler=clang())
    seconds = 1800 if options.long else options.fuzz_seconds
    print(f"  fuzzing {', '.join(names)} for {seconds} s", flush=True)
    running = {name: start_fuzzer(name, seconds) for name in names}
    for name, (process, log) in running.items():
        try:
            status = process.wait(seconds + 120)
        except subprocess.TimeoutExpired:
            process.kill()
            status = f"{process.wait()} (did not end)"
        if status != 0:
            print(log.read_text(errors="replace")[-6000:])
        tally.add(f"fuzz {name}", int(status == 0), [] if status == 0 else [f"ended with status {status}"])


def start_fuzzer(name, seconds):
    """Finds go to a corpus below build/ that the next run starts from; a crash is kept there, too."""
    place = FUZZ / "found" / name
    place.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "test/fuzz/corpus" / name
    log = FUZZ / f"{name}.log"
    dictionary = ROOT / "test/fuzz" / f"{name}.dict"
    command = [str(FUZZ / f"test/fuzz/fuzz-{name}"), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={place}/"]
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    command += [str(directory) for directory in (place, seeds) if directory.exists()]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL), log


# Shell scripts.

def is_shell(path):
    with path.open("rb") as file:
        return file.readline().startswith((b"#!/bin/bash", b"#!/bin/sh"))


def shell(_, tally):
    if not shutil.which("shellcheck"):
        return tally.add("shell", 0, [], ["no shellcheck"])
    places = ("tools", ".ci", "conf/examples/plugins")
    for path in sorted(path for place in places for path in (ROOT / place).iterdir()):
        if path.is_file() and is_shell(path):
            run_plain(f"shellcheck {path.relative_to(ROOT)}", ["shellcheck", str(path)], tally)


STAGES = {"unit": unit, "scenario": scenario, "fuzz": fuzz, "shell": shell}


def main():
    parser = argparse.ArgumentParser(prog="tools/test",
                                     description="Builds and runs the tests; all stages unless some are named.")
    for name in STAGES:
        parser.add_argument(f"--{name}", action="append_const", dest="stages", const=name, help=f"the stage '{name}'")
    parser.add_argument("--long", action="store_true", help="soak: fuzz for half an hour, long scenarios, the largest policies")
    parser.add_argument("--fuzz-seconds", type=int, default=60, metavar="N", help="how long each target is fuzzed (60)")
    options = parser.parse_args()

    os.chdir(ROOT)
    tally = Tally()
    for name in options.stages or STAGES:
        print(f"{name}:", flush=True)
        started = time.monotonic()
        STAGES[name](options, tally)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)

    for title, names in (("failed", tally.failed), ("skipped", tally.skipped)):
        for name in names:
            print(f"{title}: {name}")
    skipped = f", {len(tally.skipped)} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {len(tally.failed)} failed{skipped}")
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
