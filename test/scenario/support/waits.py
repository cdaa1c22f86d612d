"""How long threads waited for a processor while another one had it: from the kernel's scheduler trace (tracefs)."""
import os
import pathlib
import re

INSTANCES = pathlib.Path("/sys/kernel/tracing/instances")
BUFFERS_KIB = 400_000  # of all processors: some 4,000,000 events

_EVENT = re.compile(r" (\d+\.\d+): (sched_switch|sched_wakeup): (.*)")
_SWITCH = re.compile(r"prev_pid=(\d+) .*prev_state=(\S+) ==> .*next_pid=(\d+)")
_WAKEUP = re.compile(r" pid=(\d+) ")


def can_trace():
    return os.access(INSTANCES, os.W_OK)


class Waits:
    """Traces from watch() to stop(); longest() tells what came of it. The buffers are there while the `with` lasts."""

    def __init__(self):
        self.place = INSTANCES / f"policymux-test-{os.getpid()}"

    def __enter__(self):
        self.place.mkdir()
        try:
            self._write("tracing_on", "0")
            self._write("trace_clock", "mono")
            self._write("buffer_size_kb", str(BUFFERS_KIB // (os.cpu_count() or 1)))
        except OSError:
            self.place.rmdir()
            raise
        return self

    def __exit__(self, *_):
        self.place.rmdir()

    def watch(self, waiting, running):
        """Threads by their ids: several that wait, and the one that has what they wait for; it sleeps now."""
        self.waiting, self.running = set(waiting), running
        threads = self.waiting | {running}
        self._write("events/sched/sched_switch/filter", _any("prev_pid", "next_pid", of=threads))
        self._write("events/sched/sched_wakeup/filter", _any("pid", of=threads))
        self._write("events/sched/sched_switch/enable", "1")
        self._write("events/sched/sched_wakeup/enable", "1")
        self._write("tracing_on", "1")

    def stop(self):
        self._write("tracing_on", "0")

    def longest(self):
        """The most milliseconds that one wait had in common with turns of `running`, on whatever processor: at least
        what the one cost the other."""
        for statistics in self.place.glob("per_cpu/cpu*/stats"):
            if "overrun: 0\n" not in statistics.read_text():
                raise RuntimeError("the trace is not whole: its buffers were too small")
        with (self.place / "trace").open(errors="replace") as trace:
            return longest_wait(trace, self.waiting, self.running) * 1000

    def _write(self, name, text):
        (self.place / name).write_text(text)


def _any(*fields, of):
    return " || ".join(f"{field} == {thread}" for thread in of for field in fields)


def longest_wait(trace, waiting, running):
    """The same in seconds, of the lines of a trace."""
    longest = 0
    on_processor = set()
    waits = {}         # by thread: since when, and the time in common with turns that are over
    turn_since = None

    def begin_wait(thread, now):
        if thread in waiting and thread not in waits:
            waits[thread] = (now, 0)

    def in_common(thread, now):
        since, common = waits[thread]
        return common if turn_since is None else common + now - max(since, turn_since)

    for line in trace:
        event = _EVENT.search(line)
        if not event:
            continue
        now, kind, text = float(event[1]), event[2], event[3]
        if kind == "sched_wakeup":
            thread = int(_WAKEUP.search(text)[1])
            if thread not in on_processor:  # it may be woken on its way to sleep
                begin_wait(thread, now)
            continue
        before, state, after = (int(field) if field.isdigit() else field for field in _SWITCH.search(text).groups())
        on_processor.discard(before)
        on_processor.add(after)
        if before == running:
            waits = {thread: (since, in_common(thread, now)) for thread, (since, _) in waits.items()}
            turn_since = None
        if state.startswith("R"):
            begin_wait(before, now)
        if after == running:
            turn_since = now
        if after in waits:
            longest = max(longest, in_common(after, now))
            del waits[after]
    return longest
