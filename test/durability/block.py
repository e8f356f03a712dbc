#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""T5: the block device itself fails (nbdkit's error filter under ext4) while mail comes in, and is repaired.

block.py [--runs N] [--seed N]

From a random moment on every write to the device fails. Senders hear 451, 421 or nothing; the core ends by the rule of the
failed sync. Then the device is whole again, the file system is checked and mounted, and everything acknowledged is there.
"""
import argparse
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

import durability
from durability import Disk, Promises, Senders, Skip, check, daybook
from daybook import Scenario, Server

IMAGE_MIB = 128


class Device:
    """A loop device over nbdfuse over nbdkit: its writes fail while a file is there."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="daybook-block-")
        self.at = os.path.join(self.home, "device")
        self.trigger = os.path.join(self.home, "fail")
        self.process = self.loop = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("a device needs root")
        for program in ("nbdkit", "nbdfuse", "mkfs.ext4", "losetup"):
            if shutil.which(program) is None:
                raise Skip(f"{program} is not installed")
        image = os.path.join(self.home, "image")
        with open(image, "wb") as f:
            f.truncate(IMAGE_MIB << 20)
        with open(self.at, "wb"):
            pass
        try:
            self.process = subprocess.Popen(
                ["nbdfuse", self.at, "--command", "nbdkit", "-s", "--exit-with-parent", "--filter=error", "file", image,
                 "error=EIO", "error-pwrite-rate=100%", f"error-pwrite-file={self.trigger}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                daybook.wait_for("the device", lambda: os.stat(self.at).st_size == IMAGE_MIB << 20, 10)
            except daybook.Failure:
                self.process.kill()
                raise Skip(f"nbdfuse does not work here: {self.process.communicate()[1][-300:].decode()}") from None
            code, output = durability.run(["losetup", "--find", "--show", self.at])
            if code != 0:
                raise Skip(f"no loop device over it: {output}")
            self.loop = output
        except BaseException:
            self.__exit__()
            raise
        return self

    def fail(self):
        with open(self.trigger, "wb"):
            pass

    def repair(self):
        if os.path.exists(self.trigger):
            os.unlink(self.trigger)

    def __exit__(self, *_):
        if self.loop:
            durability.run(["losetup", "-d", self.loop])
        durability.run(["umount", self.at])
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
        shutil.rmtree(self.home, ignore_errors=True)


def play(seed, number):
    """(acknowledged, replies, whether the core ended) of one run."""
    dice = random.Random(f"{seed} {number}")
    promises = Promises()
    home = tempfile.mkdtemp(prefix="daybook-block-home-")
    with Device() as device, Disk("ext4", IMAGE_MIB, device=device.loop) as disk:
        server = Server(directory=home, config=dict(durability.SMALL, **{"archive.reserve-mib": 8}))
        server.data = os.path.join(disk.at, "data")
        try:
            server.start()
            Scenario(server.api)
            core = server.roles()["core"]
            with Senders(server.smtp[0], promises, f"{seed} {number}", count=4):
                time.sleep(0.2 + dice.random())
                device.fail()
                ended = threading.Event()

                def core_ended():
                    return server.process.poll() is not None or server.roles().get("core") != core
                daybook.wait_for("the core ends after a failed sync", core_ended, 20)
                ended.set()
        finally:
            server.kill()
            shutil.rmtree(home, ignore_errors=True)
        device.repair()
        disk.unmount()
        code, output = durability.run(["fsck.ext4", "-f", "-p", device.loop])
        check(code in (0, 1, 2), f"fsck.ext4 ended with {code}: {output}")
        disk.mount()
        found, wrong = durability.look(server.data)
    lost, foreign = promises.compare(found)
    where = f"run {number} (seed {seed})"
    check(not wrong, f"{where}: {wrong}")
    check(not lost, f"{where}: {len(lost)} acknowledged and lost: {lost[:3]}")
    check(not foreign, f"{where}: {len(foreign)} that nobody sent: {foreign[:3]}")
    check(not promises.broken, f"{where}: {promises.broken[:3]}")
    return len(promises.acknowledged), promises.replies


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=2)
    options.add_argument("--seed", type=int)
    options = options.parse_args()
    seed = durability.new_seed(options.seed)
    print(f"seed {seed}: block.py --runs {options.runs} --seed {seed}", flush=True)
    began = time.monotonic()
    acknowledged = 0
    replies = durability.collections.Counter()
    for number in range(options.runs):
        kept, said = play(seed, number)
        acknowledged += kept
        replies += said
    durability.line("T5", fs="ext4", states=options.runs, acked=acknowledged, lost=0,
                    replies=",".join(f"{code}:{n}" for code, n in sorted(replies.items())),
                    seconds=f"{time.monotonic() - began:.0f}", seed=seed, controls="0/0")


daybook.run(main)
