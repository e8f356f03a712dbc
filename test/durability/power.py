#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""T2: the real program on real ext4 and XFS; the power goes (GOINGDOWN without flushing the journal) under load.

power.py [--fs ext4|xfs] [--points N] [--seed N] [--seconds S] [--controls no_fsync,…] [--control-points N]

Points alternate between kinds: at a random time, right behind the k-th 250, and behind the first 250 for an archive that
was made a moment before. Nine points share an image, so that each start recovers what the one before left. A seed gives
the same kinds, times and messages; what the machine does meanwhile is its own.
"""
import argparse
import os
import random
import shutil
import tempfile
import threading
import time

import durability
from durability import Disk, Failure, Program, Promises, Senders, check, daybook
from daybook import Scenario, Server, Smtp

IMAGE_MIB = 400
CLIENTS = 8
POINTS_OF_AN_IMAGE = 9  # an account has ten archives
CONFIG = {"archive.log-mib": 8, "archive.reserve-mib": 8, "server.log": "warn"}
CONTROLS = ["no_fsync", "ack_early"]  # a missing sync of a directory cannot be seen here, see docs/durability.md
KINDS = ["time", "ack", "fresh", "ack"]


class Lost(Exception):
    """A promise was broken; says which and where."""


class Image:
    """One file system over several points."""

    def __init__(self, disk, seed, quiet):
        self.disk, self.seed, self.quiet = disk, seed, quiet
        self.home = tempfile.mkdtemp(prefix="daybook-power-")
        self.server = Server(directory=self.home, config=CONFIG)
        self.server.data = os.path.join(disk.at, "data")
        self.promises = Promises()
        self.scenario = None
        self.ready_ms = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.server.kill()
        if not self.quiet and kind in (Lost, Failure):
            print("---- log of the server\n" + self.server.log()[-4000:] + "----")
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self):
        began = time.monotonic()
        self.server.start()
        self.ready_ms.append((time.monotonic() - began) * 1000)
        if self.scenario is None:
            self.scenario = Scenario(self.server.api)
        self.scenario.api = self.server.api

    def fresh(self):
        """Mail goes to a new archive from now on."""
        call = self.server.api.call
        archive = call("CreateArchive", ArchiveName=f"fresh-{len(self.ready_ms)}",
                       Retention={"RetentionPeriod": "PERMANENT"})["ArchiveId"]
        call("UpdateRuleSet", RuleSetId=self.scenario.rules,
             Rules=[{"Name": "fresh", "Actions": [{"Archive": {"TargetArchive": archive}}]}])

    def send_one(self, smtp, dice):
        content = durability.message(dice, 4000)
        self.promises.going_out(daybook.sha256(content))
        self.promises.kept(smtp.send(content), daybook.sha256(content))

    def load(self, kind, dice, seconds):
        """Until the power is gone."""
        gone = threading.Event()

        def lose():
            if not gone.is_set():
                self.disk.lose_power()
                gone.set()
        if kind == "fresh":
            smtp = Smtp(self.server.smtp[0])
            self.send_one(smtp, dice)
            self.fresh()
            self.send_one(smtp, dice)
            lose()
            smtp.abort()
            return
        target = len(self.promises.acknowledged) + dice.randint(1, 60)
        if kind == "ack":
            self.promises.on_ack = lambda count: lose() if count >= target else None
        with Senders(self.server.smtp[0], self.promises, dice.random(), count=CLIENTS):
            wait = seconds * dice.random() if kind == "time" else 10
            gone.wait(wait)
            with self.promises.lock:
                self.promises.on_ack = None
                lose()

    def point(self, number, kind, dice, seconds):
        self.start()
        self.load(kind, dice, seconds)
        self.server.kill()
        self.disk.unmount()
        self.disk.mount()
        found, wrong = durability.look(self.server.data)
        lost, foreign = self.promises.compare(found)
        where = f"point {number} ({kind}, {self.disk.kind}, seed {self.seed})"
        if wrong:
            raise Lost(f"{where}: {wrong}")
        if lost or foreign:
            raise Lost(f"{where}: {len(lost)} acknowledged and lost {lost[:3]}, {len(foreign)} never sent {foreign[:3]}")
        if self.promises.broken:
            raise Lost(f"{where}: {self.promises.broken[:3]}")
        return len(found) - len(self.promises.acknowledged)


def play(kind, points, seed, seconds, kinds=KINDS, quiet=False):
    """(points, acknowledged, kept without a reply, ready ms) of so many points; raises Lost."""
    dice = random.Random(f"{seed} {kind}")
    done = acknowledged = unreplied = 0
    ready = []
    while done < points:
        with Disk(kind, IMAGE_MIB) as disk, Image(disk, seed, quiet) as image:
            extra = 0
            for _ in range(min(POINTS_OF_AN_IMAGE, points - done)):
                extra = image.point(done, kinds[done % len(kinds)], dice, seconds)
                done += 1
            acknowledged += len(image.promises.acknowledged)
            unreplied += extra
            ready += image.ready_ms[1:]
    return done, acknowledged, unreplied, ready


def control(word, kind, points, seed):
    """True when it was caught."""
    with Program(durability.sabotaged(word)):
        try:
            play(kind, points, seed, 0.5, kinds=["ack"], quiet=True)
        except Lost as e:
            print(f"control {word} on {kind}: {e}")
            return True
    print(f"control {word} on {kind}: nothing found in {points} points")
    return False


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--fs", default="ext4")
    options.add_argument("--points", type=int, default=20)
    options.add_argument("--seconds", type=float, default=0.6)
    options.add_argument("--seed", type=int)
    options.add_argument("--controls", default=",".join(CONTROLS))
    options.add_argument("--control-points", type=int, default=20)
    options = options.parse_args()
    seed = durability.new_seed(options.seed)
    print(f"seed {seed}: power.py --fs {options.fs} --points {options.points} --seed {seed}", flush=True)
    began = time.monotonic()
    broken = ""
    done = acknowledged = unreplied = 0
    ready = [0]
    try:
        done, acknowledged, unreplied, ready = play(options.fs, options.points, seed, options.seconds)
    except Lost as e:
        broken = str(e)
    took = time.monotonic() - began
    controls = [word for word in options.controls.split(",") if word]
    caught = [word for word in controls if control(word, options.fs, options.control_points, seed)]
    ready.sort()
    text = durability.line("T2", fs=options.fs, points=done, states=done, clients=CLIENTS, acked=acknowledged,
                           lost=1 if broken else 0, unreplied=unreplied,
                           recover_p99_ms=f"{ready[int(len(ready) * 0.99)] if ready else 0:.0f}",
                           seconds=f"{took:.0f}", seed=seed, controls=f"{len(caught)}/{len(controls)}")
    check(not broken, f"{text}: {broken}")
    check(len(caught) == len(controls), f"not caught: {set(controls) - set(caught)}")


daybook.run(main)
