#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""T1: the real program's changes on disk are recorded, replayed to every moment, and power is lost there.

record.py [--states N] [--seed N] [--rounds N] [--controls no_fsync,…] [--keep DIR]

A broken state prints `--seed --point --variant`; the recording of a run that found one is kept (with --keep: always), and
the printed command with these words shows that state again.
"""
import argparse
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time

import durability
from durability import Program, Promises, Senders, check, daybook, tool
from daybook import Scenario, Server

LOG_BYTES = 512 << 20
MAGIC = 0x44415942434f5231
HEADER = 32
CONTROLS = ["no_fsync", "no_dirsync", "ack_early", "no_end_record"]


def memory_dir():
    """Nothing here must survive: states are written and read thousands of times."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def record(home, seed, rounds, limit):
    """Plays mail through a recorded server that is stopped and started again; the promises, and the log's path."""
    disk = os.path.join(home, "disk")
    os.mkdir(disk)
    os.chmod(home, 0o711)
    log = os.path.join(home, "log")
    with open(log, "wb") as f:
        f.write(struct.pack("<QQIIII", MAGIC, HEADER, 0, 0, 0, 0))
        f.truncate(LOG_BYTES)
    os.chmod(log, 0o666)  # smtp and http run as nobody
    wrapper = ["env", f"LD_PRELOAD={tool('libdurability_record.so')}", f"DAYBOOK_RECORD_ROOT={disk}",
               f"DAYBOOK_RECORD_LOG={log}"]
    promises = Promises()
    server = Server(smtp_count=2, config=durability.SMALL, directory=disk, wrapper=wrapper)
    try:
        server.start()
        first = Scenario(server.api, listen=server.smtp[0], name="one")
        for number in range(rounds):
            with Senders(server.smtp[0], promises, f"{seed} {number}", count=4, limit=limit, size_max=60_000):
                if number == 1:  # an archive that is made while mail flows, and mail for it at once
                    Scenario(server.api, listen=server.smtp[1], name="two")
                    with Senders(server.smtp[1], promises, f"{seed} two", count=2, limit=3, size_max=20_000):
                        pass
            if number == 0:
                first.search()
            server.stop()  # what is not sealed yet is sealed after the next start
            server.start()
            first.api = server.api
        time.sleep(1.5)  # the sealer has its turn
        server.stop()
    finally:
        server.kill()
    check(not promises.broken, f"{promises.broken[:3]}")
    return promises, log


def replay(home, promises, log, options, expect_failure=False):
    """The exit code and what the replayer said."""
    path = os.path.join(home, "promises")
    promises.write(path)
    command = [tool("durability_replay"), "--log", log, "--root", os.path.join(home, "disk"), "--promises", path,
               "--work", home, "--states", str(options.states), "--seed", str(options.seed),
               "--workers", str(os.cpu_count() or 2)]
    if expect_failure:
        command.append("--expect-failure")
    else:
        command += ["--program", daybook.PROGRAM, "--every", str(options.every)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=7200, check=False)
    return done.returncode, done.stdout, command


def play(options, limit, program=None):
    home = tempfile.mkdtemp(prefix="daybook-record-", dir=memory_dir())
    try:
        with Program(program or daybook.PROGRAM):
            promises, log = record(home, options.seed, options.rounds, limit)
        code, output, command = replay(home, promises, log, options, expect_failure=program is not None)
        if program is None and (options.keep or code != 0):
            keep = options.keep or tempfile.mkdtemp(prefix="daybook-recording-")
            os.makedirs(keep, exist_ok=True)
            for name in ("log", "promises"):
                subprocess.run(["cp", "--sparse=always", os.path.join(home, name), keep], check=True)
            words = [word if word == command[4] else word.replace(home, keep) for word in command]
            print("again, with --point and --variant for one state:", " ".join(words))
        return code, output
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--states", type=int, default=2000)
    options.add_argument("--every", type=int, default=16, help="of so many states the program itself verifies one")
    options.add_argument("--seed", type=int)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--limit", type=int, default=6, help="messages of each sender in a round")
    options.add_argument("--controls", default=",".join(CONTROLS))
    options.add_argument("--keep")
    options = options.parse_args()
    options.seed = durability.new_seed(options.seed)
    print(f"seed {options.seed}: record.py --states {options.states} --seed {options.seed}", flush=True)
    began = time.monotonic()
    code, output = play(options, options.limit)
    took = time.monotonic() - began
    found = re.search(r"states=(\d+) points=(\d+) acked=(\d+) lost=(\d+)", output)
    check(found is not None, f"the replayer said: {output[-2000:]}")
    print(output, end="")
    controls = [word for word in options.controls.split(",") if word]
    options.states = 4000
    caught = []
    for word in controls:
        control_code, control_output = play(options, 2, durability.sabotaged(word))
        print(f"control {word}: {control_output.splitlines()[0] if control_output else 'nothing said'}")
        if control_code == 0:
            caught.append(word)
    text = durability.line("T1", states=found[1], points=found[2], acked=found[3], lost=found[4],
                           seconds=f"{took:.0f}", seed=options.seed, controls=f"{len(caught)}/{len(controls)}")
    check(code == 0 and found[4] == "0", text)
    check(len(caught) == len(controls), f"not caught: {set(controls) - set(caught)}")


daybook.run(main)
