"""Includes point down: a room may include only what src/meson.build and this table allow (DESIGN: "Who may include whom")."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A room may include these and itself. `public` is include/policymux.
MAY_INCLUDE = {
    "public": {"public"},
    "base": {"public"},
    "loop": {"base", "public"},
    "metrics": {"base", "public"},
    "config": {"base", "public"},
    "log": {"loop", "base", "public"},
    "proto": {"base", "public"},
    "match": {"base", "public"},
    "ask": {"base", "public"},
    "rule": {"ask", "match", "proto", "base", "public"},
    "decide": {"rule", "ask", "log", "metrics", "config", "loop", "base", "public"},
    "upstream": {"ask", "log", "metrics", "config", "proto", "loop", "base", "public"},
    "session": {"decide", "loop", "log", "metrics", "config", "proto", "base", "public"},
    "admin": {"decide", "loop", "log", "metrics", "base", "public"},
    "bench": {"loop", "proto", "base", "public"},
    "app": {"session", "admin", "decide", "upstream", "rule", "ask", "match", "proto", "config", "metrics", "log", "loop",
            "base", "public"},
}
MAY_INCLUDE["cli"] = {"app", "bench"} | MAY_INCLUDE["app"]

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"(\w+)/[^"]+"|<(policymux)/[^>]+>)', re.M)


def sources():
    for path in sorted(ROOT.glob("src/*/*.[hc]*")):
        yield path.parent.name, path
    for path in sorted(ROOT.glob("include/policymux/*.h")):
        yield "public", path


class Includes(unittest.TestCase):
    def test_every_room_is_known(self):
        rooms = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
        self.assertEqual(rooms, set(MAY_INCLUDE) - {"public"})

    def test_includes_point_down(self):
        for room, path in sources():
            for local, public in INCLUDE.findall(path.read_text()):
                used = "public" if public else local
                with self.subTest(f"{path.relative_to(ROOT)} includes {used}"):
                    self.assertIn(used, MAY_INCLUDE[room] | {room})

    def test_no_room_includes_one_that_includes_it(self):
        for room, below in MAY_INCLUDE.items():
            for other in below - {room}:
                with self.subTest(f"{room} and {other}"):
                    self.assertNotIn(room, MAY_INCLUDE[other])

    def test_the_rules_know_no_descriptor_no_clock_and_no_loop(self):
        forbidden = re.compile(r"<(unistd\.h|fcntl\.h|sys/[\w/]+\.h|ev\.h|fstream|iostream|thread)>|_clock::now|\btime\(")
        for room, path in sources():
            if room in ("rule", "ask"):
                with self.subTest(str(path.relative_to(ROOT))):
                    self.assertIsNone(forbidden.search(path.read_text()))


if __name__ == "__main__":
    unittest.main()
