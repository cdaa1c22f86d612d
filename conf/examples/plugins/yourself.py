#!/usr/bin/python3
# A plug-in of policymux, in ten lines: nobody gets mail from himself.
import sys

request = {}
for line in sys.stdin.buffer:
    name, equals, value = line.rstrip(b"\n").partition(b"=")
    if equals:
        request[name] = value.lower()
    else:
        forged = request.get(b"sender") and request[b"sender"] == request.get(b"recipient")
        print("action=REJECT 5.7.1 You are not yourself\n" if forged else "action=DUNNO\n", flush=True)
        request = {}
