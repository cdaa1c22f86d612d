"""How long threads waited for a processor while another one had it: from the kernel's scheduler trace (tracefs)."""
import os
import pathlib
import re

INSTANCES = pathlib.Path("/sys/kernel/tracing/instances")
BUFFERS_KIB = 400_000  # of all processors: some 4,000,000 events
LONGEST_TICK = 0.011   # seconds: a processor in use that has no timer interrupt for longer than this stands still

_EVENT = re.compile(r" \[(\d+)\] .* (\d+\.\d+): (sched_switch|sched_wakeup|local_timer_entry): (.*)")
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
        for event in ("sched/sched_switch", "sched/sched_wakeup", "irq_vectors/local_timer_entry"):
            self._write(f"events/{event}/enable", "1")
        self._write("tracing_on", "1")

    def stop(self):
        self._write("tracing_on", "0")

    def longest(self):
        """The most milliseconds that one wait had in common with turns of `running`, on whatever processor: at least
        what the one cost the other. Without the time that its processor stood still, as a virtual one may; and the
        longest such time."""
        for statistics in self.place.glob("per_cpu/cpu*/stats"):
            if "overrun: 0\n" not in statistics.read_text():
                raise RuntimeError("the trace is not whole: its buffers were too small")
        with (self.place / "trace").open(errors="replace") as trace:
            return tuple(seconds * 1000 for seconds in longest_wait(trace, self.waiting, self.running))

    def _write(self, name, text):
        (self.place / name).write_text(text)


def _any(*fields, of):
    return " || ".join(f"{field} == {thread}" for thread in of for field in fields)


def longest_wait(trace, waiting, running):
    """The same in seconds, of the lines of a trace."""
    longest = longest_standstill = 0
    last_event = {}    # by processor
    waits = {}         # by thread: since when, and the time in common with turns that are over
    turn_since = turn_on = None

    def begin_wait(thread, now):
        if thread in waiting and thread not in waits:
            waits[thread] = (now, 0)

    def in_common(thread, now):
        since, common = waits[thread]
        return common if turn_since is None else common + max(0, now - max(since, turn_since))

    def end_turn(now):
        for thread, (since, _) in waits.items():
            waits[thread] = (since, in_common(thread, now))

    for line in trace:
        event = _EVENT.search(line)
        if not event:
            continue
        processor, now, kind, text = event[1], float(event[2]), event[3], event[4]
        before = last_event.get(processor, now)
        last_event[processor] = now
        if turn_on == processor and now - before > LONGEST_TICK:
            end_turn(before)
            longest_standstill = max(longest_standstill, now - before)
            turn_since = now
        if kind == "sched_wakeup":
            begin_wait(int(_WAKEUP.search(text)[1]), now)
        if kind != "sched_switch":
            continue
        switch = _SWITCH.search(text)
        previous, state, following = int(switch[1]), switch[2], int(switch[3])
        waits.pop(previous, None)  # it had been woken on its processor, on its way to sleep: that was no wait
        if previous == running:
            end_turn(now)
            turn_since = turn_on = None
        if state.startswith("R"):
            begin_wait(previous, now)
        if following == running:
            turn_since, turn_on = now, processor
        if following in waits:
            longest = max(longest, in_common(following, now))
            del waits[following]
    return longest, longest_standstill
