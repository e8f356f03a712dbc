#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand idle sessions and a crowd of slow ones: what they cost, and that they cost others nothing."""
import resource
import socket
import statistics
import time

import daybook
from daybook import JOURNAL, Scenario, Server, Skip, Smtp, check

IDLE = 10_000
SLOW = 200
MEMORY_MIB = 500
MESSAGES = 100
GENEROUS = 10  # times as long as alone; the real number is printed


def resident_kib(server):
    """Of all processes together, shared pages counted once each."""
    total = 0
    for pid in [server.process.pid, *server.roles().values()]:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def median_ms(address):
    """One sender's time for a message."""
    smtp = Smtp(address)
    message = daybook.simple_message("in between", "x" * 2000 + "\r\n")
    times = []
    for _ in range(MESSAGES):
        began = time.monotonic()
        smtp.send(message)
        times.append((time.monotonic() - began) * 1000)
    smtp.close()
    return statistics.median(times)


def open_idle(address, count):
    """Sessions past their EHLO, opened in groups."""
    host, port = address.split(":")
    found = []
    while len(found) < count:
        group = []
        for _ in range(min(100, count - len(found))):
            group.append(socket.create_connection((host, int(port)), timeout=30))
        for s in group:
            s.sendall(b"EHLO idle.test\r\n")
        for s in group:
            text = b""
            while b"250 " not in text:
                part = s.recv(4096)
                check(part, f"a session was closed after {len(found)}: {text!r}")
                text += part
            check(text.startswith(b"220 "), f"the greeting: {text!r}")
        found += group
    return found


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 200:
        raise Skip(f"only {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    with Server(config={"smtp.sessions-per-ip": 20000, "server.log": "warn"}) as server:
        Scenario(server.api)
        address = server.smtp[0]
        alone = median_ms(address)
        empty = resident_kib(server)
        began = time.monotonic()
        sessions = open_idle(address, IDLE)
        seconds = time.monotonic() - began
        full = resident_kib(server)
        among_idle = median_ms(address)
        for s in sessions[:SLOW]:  # in the middle of a message, an octet now and then
            s.sendall(f"MAIL FROM:<slow@example.test>\r\nRCPT TO:<{JOURNAL}>\r\nDATA\r\nSubject: slo".encode())
        for _ in range(3):
            for s in sessions[:SLOW]:
                s.sendall(b"w")
        among_slow = median_ms(address)
        print(f"idle: {IDLE} sessions in {seconds:.1f} s, {full / 1024:.0f} MiB in all ({empty / 1024:.0f} before,"
              f" {(full - empty) / IDLE:.1f} KiB each); a message takes {alone:.1f} ms alone, {among_idle:.1f} among idle,"
              f" {among_slow:.1f} among {SLOW} slow")
        check(full < MEMORY_MIB * 1024, f"{IDLE} idle sessions take {full / 1024:.0f} MiB, more than {MEMORY_MIB}")
        check(max(among_idle, among_slow) < alone * GENEROUS + 50, "others pay for idle and slow sessions")
        for s in sessions:
            s.close()


daybook.run(main)
