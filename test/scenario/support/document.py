"""The examples in a document of doc/: files to write, and what somebody types and sees.

    ```conf policy.conf     a file of that name
    ```console              lines that begin with "$ " are commands for sh, the others what they print
"""
import os
import re
import subprocess
import textwrap

from .daemon import ROOT, environment
from .net import PATIENCE

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>\w+)(?: (?P<label>\S+))?\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


class Document:
    """`replaced`: what stands in the document, and what there is in its place here: {"/etc/apolicy": "/tmp/x"}."""

    def __init__(self, name, replaced):
        self.replaced = replaced
        text = (ROOT / "doc" / name).read_text()
        blocks = [(m["kind"], m["label"], textwrap.dedent(m["text"])) for m in _BLOCK.finditer(text)]
        self.files = {label: self.here(text) for kind, label, text in blocks if kind == "conf"}
        self.consoles = [self.here(text) for kind, _, text in blocks if kind == "console"]

    def here(self, text):
        for theirs, ours in self.replaced.items():
            text = text.replace(theirs, str(ours))
        return text


def replay(console, programs, cwd):
    """What the commands of a console print, and what they should. `programs`: a directory for PATH."""
    lines = console.splitlines(keepends=True)
    commands = "".join(line[2:] for line in lines if line.startswith("$ "))
    wanted = "".join(line for line in lines if not line.startswith("$ "))
    result = subprocess.run(["sh", "-e"], input=commands, capture_output=True, text=True, timeout=PATIENCE, cwd=cwd,
                            env=environment(PATH=f"{programs}:{os.environ['PATH']}"), check=False)
    return result.stdout + result.stderr, wanted
