"""Documents with parts that are measured."""
import os
import pathlib
import platform
import time


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    return f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}, {time.strftime('%Y-%m-%d')}"


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def replace_part(path, marks, text):
    """Puts the text between the two marks of the document."""
    before, rest = path.read_text().split(marks[0], 1)
    _, after = rest.split(marks[1], 1)
    path.write_text(f"{before}{marks[0]}\n{text}{marks[1]}{after}")
