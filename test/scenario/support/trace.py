"""Looking at a program's system calls."""
import shutil
import subprocess


def can_trace():
    return shutil.which("strace") and subprocess.run(["strace", "-o", "/dev/null", "true"], check=False,
                                                     capture_output=True).returncode == 0
