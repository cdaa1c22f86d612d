"""How long threads waited for a processor while another one had it: from the kernel's scheduler trace (tracefs)."""
import contextlib
import os
import pathlib
import re

INSTANCES = pathlib.Path("/sys/kernel/tracing/instances")
BUFFER_KIB = 200_000  # of each processor: some 2,000,000 events

_EVENT = re.compile(r" (\d+\.\d+): (sched_switch|sched_waking): (.*)")
_SWITCH = re.compile(r"prev_pid=(\d+) .*prev_state=(\S+) ==> .*next_pid=(\d+)")
_WAKING = re.compile(r" pid=(\d+) ")


def can_trace():
    return os.access(INSTANCES, os.W_OK)


class Waits:
    """A trace between start() and stop() of the threads `waiting` and `running`, by their ids."""

    def __init__(self, waiting, running):
        self.waiting, self.running = set(waiting), set(running)
        self.place = INSTANCES / f"policymux-test-{os.getpid()}"

    def __enter__(self):
        self.place.mkdir()
        try:
            self._write("trace_clock", "mono")
            self._write("buffer_size_kb", str(BUFFER_KIB))
            self._write("events/sched/sched_switch/filter", self._ours("prev_pid", "next_pid"))
            self._write("events/sched/sched_waking/filter", self._ours("pid"))
            self._write("events/sched/sched_switch/enable", "1")
            self._write("events/sched/sched_waking/enable", "1")
        except BaseException:
            self.place.rmdir()
            raise
        return self

    def __exit__(self, *_):
        self._write("tracing_on", "0")
        with contextlib.suppress(OSError):
            self.place.rmdir()

    def _ours(self, *fields):
        return " || ".join(f"{field} == {thread}" for thread in self.waiting | self.running for field in fields)

    def _write(self, name, text):
        (self.place / name).write_text(text)

    def longest(self):
        """The most milliseconds that one wait of `waiting` had in common with the turns of `running`, on whatever
        processor: so at least what the one cost the other."""
        self._write("tracing_on", "0")
        with (self.place / "trace").open(errors="replace") as trace:
            return longest_wait(trace, self.waiting, self.running) * 1000


def longest_wait(trace, waiting, running):
    """The same in seconds, of the lines of a trace."""
    longest = 0
    waits_since = {}  # by thread
    turns_since = {}  # by thread
    common = {}       # by thread that waits: with turns that have ended

    def end_of_turn(thread, now):
        since = turns_since.pop(thread, None)
        if since is not None:
            for each, begin in waits_since.items():
                common[each] += max(0, now - max(begin, since))

    def begin_wait(thread, now):
        if thread in waiting and thread not in waits_since:
            waits_since[thread], common[thread] = now, 0

    for line in trace:
        event = _EVENT.search(line)
        if not event:
            continue
        now, kind, text = float(event[1]), event[2], event[3]
        if kind == "sched_waking":
            begin_wait(int(_WAKING.search(text)[1]), now)
            continue
        switch = _SWITCH.search(text)
        before, state, after = int(switch[1]), switch[2], int(switch[3])
        if before in running:
            end_of_turn(before, now)
        if state.startswith("R"):
            begin_wait(before, now)
        if after in running:
            turns_since[after] = now
        if after in waits_since:
            begin = waits_since.pop(after)
            open_turns = sum(now - max(begin, since) for since in turns_since.values())
            longest = max(longest, common.pop(after) + open_turns)
    return longest
