"""Starts a program as systemd does: handover.py FD[,FD...] PROGRAM ARGUMENT...

The descriptors become 3, 4, ..., and LISTEN_PID and LISTEN_FDS say so. The process stays the same.
"""
import fcntl
import os
import sys


def main(numbers, *command):
    above = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 100) for fd in numbers.split(",")]
    for i, fd in enumerate(above):
        os.dup2(fd, 3 + i)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(above)), LISTEN_FDNAMES="policymux.socket")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
