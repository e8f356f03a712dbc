#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""T6: no room: a full ext4 and tmpfs, no inodes, a quota, a limit on file sizes.

full.py [--cases ext4,tmpfs,inodes,quota,fsize] [--seed N] [--no-control]

While there is none: MAIL and a message under way are answered with 452, reading and management go on, also with not one
byte free. With room again 250 comes back by itself. Nothing acknowledged is lost, nothing refused is kept.
"""
import argparse
import ctypes
import os
import pwd
import random
import resource
import shutil
import tempfile
import time

import durability
from durability import Disk, Failure, Program, Promises, Skip, check, daybook
from daybook import JOURNAL, Scenario, Server, Smtp, check_equal, sha256

CONFIG = {"archive.log-mib": 1, "archive.reserve-mib": 4, "server.log": "warn"}
CASES = ["ext4", "tmpfs", "inodes", "quota", "fsize"]


class Tmpfs:
    def __init__(self, mib):
        self.at = tempfile.mkdtemp(prefix="daybook-full-")
        self.mib = mib

    def __enter__(self):
        code, output = durability.run(["mount", "-t", "tmpfs", "-o", f"size={self.mib}m,mode=0711", "tmpfs", self.at])
        if code != 0:
            os.rmdir(self.at)
            raise Skip(f"no tmpfs here: {output}")
        return self

    def __exit__(self, *_):
        try:
            daybook.wait_for("it is let go", lambda: durability.run(["umount", self.at])[0] == 0, 10)
        except Failure:
            durability.run(["umount", "-l", self.at])
        shutil.rmtree(self.at, ignore_errors=True)


class Ballast:
    """Takes the room away, and gives it back."""

    def __init__(self, at):
        self.at, self.files = at, []

    def take(self, leave):
        """All but so many bytes; what is written piece by piece also gets what is kept back for metadata."""
        path = os.path.join(self.at, f"ballast-{len(self.files)}")
        self.files.append(path)
        with open(path, "wb", buffering=0) as f:
            while True:
                room = os.statvfs(self.at)
                free = room.f_bavail * room.f_frsize - leave
                piece = min(free, 1 << 20)
                if piece <= 0 and leave > 0:
                    return
                try:
                    f.write(b"\0" * max(piece, 4096))
                except OSError:
                    return

    def take_inodes(self):
        try:
            for number in range(100_000):
                path = os.path.join(self.at, f"inode-{number}")
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                self.files.append(path)
        except OSError:
            pass

    def give_back(self):
        for path in self.files:
            os.unlink(path)
        self.files = []


class Play:
    """One server without room."""

    def __init__(self, server, dice):
        self.server, self.dice = server, dice
        self.promises = Promises()
        self.contents = {}

    def send(self):
        """The code that MAIL or the message was answered with."""
        content = durability.message(self.dice, 20_000)
        digest = sha256(content)
        self.promises.going_out(digest)
        smtp = Smtp(self.server.smtp[0])
        try:
            key = smtp.send(content)
            self.promises.kept(key, digest)
            self.contents[key] = content
            return 250
        except Failure as e:
            self.promises.refused(str(e))
            return int(str(e).split()[2])
        finally:
            smtp.close()

    def send_some(self, count):
        for _ in range(count):
            check_equal(self.send(), 250, "the answer while there is room")

    def mail(self):
        """The answer to MAIL alone."""
        smtp = Smtp(self.server.smtp[0])
        try:
            smtp.socket.sendall(b"MAIL FROM:<a@example.test>\r\n")
            code, lines = smtp.reply()
            return code, lines[-1]
        finally:
            smtp.close()

    def begin_data(self):
        smtp = Smtp(self.server.smtp[0])
        smtp.command("MAIL FROM:<a@example.test>", 250)
        smtp.command(f"RCPT TO:<{JOURNAL}>", 250)
        smtp.command("DATA", 354)
        smtp.socket.sendall(b"Subject: under way\r\n\r\n" + b"x" * 70 + b"\r\n")
        return smtp

    def end_data(self, smtp):
        smtp.socket.sendall((b"y" * 70 + b"\r\n") * 2000 + b".\r\n")
        code, lines = smtp.reply()
        smtp.close()
        check(code == 452, f"a message under way was answered with {code} {lines[-1]}, want 452")

    def manage(self, scenario):
        """Reading, changing, deleting, the audit log."""
        api = self.server.api
        key = next(iter(self.contents))
        link = api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
        check_equal(daybook.download(link, self.server.http), (200, self.contents[key]), "a message that is read")
        check(len(scenario.search()) >= 1, "a search finds nothing")
        made = api.call("CreateRuleSet", RuleSetName=f"full-{self.dice.random()}", Rules=[
            {"Name": "keep", "Actions": [{"Archive": {"TargetArchive": scenario.archive}}]}])["RuleSetId"]
        api.call("DeleteRuleSet", RuleSetId=made)
        arn = api.call("GetArchive", ArchiveId=scenario.archive)["ArchiveArn"]
        for number in range(20):
            api.call("TagResource", ResourceArn=arn, Tags=[{"Key": "full", "Value": str(number)}])

    def run(self, take, give_back, early, manage):
        """early: MAIL is refused already, before anything was tried. manage: there is room kept for management."""
        scenario = Scenario(self.server.api)
        self.send_some(20)
        under_way = self.begin_data()
        take()
        if early:
            daybook.wait_for("452 to MAIL", lambda: self.mail()[0] == 452)
            check("4.3.1" in self.mail()[1], f"MAIL was answered with {self.mail()}")
        self.end_data(under_way)
        for _ in range(20):
            check_equal(self.send(), 452, "the answer without room")
        if manage:
            self.manage(scenario)
        give_back()
        daybook.wait_for("250 again by itself", lambda: self.send() == 250, 15)
        self.send_some(20)
        scenario.search()

    def end(self, case):
        """(acknowledged, lost) when the server is stopped."""
        self.server.stop()
        self.server.verify()
        self.server.check_log()
        found, wrong = durability.look(self.server.data)
        check(not wrong, f"{case}: {wrong}")
        lost, foreign = self.promises.compare(found)
        check(not foreign, f"{case}: what nobody sent: {foreign[:3]}")
        check(not self.promises.broken, f"{case}: {self.promises.broken[:3]}")
        extra = len(found) - len(self.promises.acknowledged)
        check(extra == 0, f"{case}: {extra} messages are kept that were refused")
        check(not lost, f"{case}: {len(lost)} acknowledged and lost: {lost[:3]}")
        return len(self.promises.acknowledged)


def serve(at, dice, case, take, give_back, early=True, manage=True, config=None, started=None, quiet=False):
    home = tempfile.mkdtemp(prefix="daybook-full-home-")
    os.chmod(home, 0o711)
    server = Server(directory=home, config=dict(CONFIG, **(config or {})))
    server.data = os.path.join(at, "data")
    if started is not None:
        started.append(server)
    play = Play(server, dice)
    try:
        server.quiet = quiet
        with server:
            play.run(take, give_back, early, manage)
            return play.end(case), play.promises.replies
    finally:
        shutil.rmtree(home, ignore_errors=True)


def case_ext4(dice):
    with Disk("ext4", 24, ["-m", "0"]) as disk:
        ballast = Ballast(disk.at)
        return serve(disk.at, dice, "ext4", lambda: ballast.take(0), ballast.give_back)


def case_tmpfs(dice):
    with Tmpfs(32) as disk:
        ballast = Ballast(disk.at)
        return serve(disk.at, dice, "tmpfs", lambda: ballast.take(0), ballast.give_back)


def case_inodes(dice):
    with Disk("ext4", 24, ["-N", "64"]) as disk:
        ballast = Ballast(disk.at)
        return serve(disk.at, dice, "inodes", ballast.take_inodes, ballast.give_back)


class Quota(ctypes.Structure):
    """struct if_dqblk of linux/quota.h."""
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "block_hard", "block_soft", "space", "inode_hard", "inode_soft", "inodes", "block_time", "inode_time")]
    _fields_.append(("valid", ctypes.c_uint32))


def quota_call(command, device, user, quota):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.quotactl(command << 8, device.encode(), user, ctypes.byref(quota)) != 0:  # of users
        raise Skip(f"quotactl: {os.strerror(ctypes.get_errno())}")


def case_quota(dice):
    """Of a user: EDQUOT, while the file system has room; the core runs as that user."""
    user = pwd.getpwnam("nobody")
    with Disk("ext4", 64, ["-O", "quota"]) as disk:
        disk.unmount()
        code, output = durability.run(["mount", "-t", "ext4", "-o", "usrquota", disk.device, disk.at])
        if code != 0:
            raise Skip(f"no quota here: {output}")
        disk.mounted = True
        data = os.path.join(disk.at, "data")
        os.mkdir(data, 0o700)
        for path in (data, disk.at):
            os.chown(path, user.pw_uid, user.pw_gid)

        def limit(blocks):
            quota_call(0x800008, disk.device, user.pw_uid, Quota(block_hard=blocks, valid=1))

        def take():
            now = Quota()
            os.sync()  # what is written and has no block yet counts only then
            quota_call(0x800007, disk.device, user.pw_uid, now)
            limit(now.space // 1024)
        return serve(disk.at, dice, "quota", take, lambda: limit(0), early=False, manage=False,
                     config={"server.user": "nobody"})


def case_fsize(dice, quiet=False):
    """No file may grow past a limit that is lowered while the server runs."""
    if not hasattr(resource, "prlimit"):
        raise Skip("no prlimit")
    with Tmpfs(64) as disk:
        server = []

        def limit(size):
            resource.prlimit(server[0].roles()["core"], resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        return serve(disk.at, dice, "fsize", lambda: limit(4096), lambda: limit(resource.RLIM_INFINITY), early=False,
                     manage=False, started=server, quiet=quiet)


def control(seed):
    """True when the program that takes a write that failed for one that did not is caught."""
    with Program(durability.sabotaged("ignore_short_write")):
        try:
            case_fsize(random.Random(seed), quiet=True)
        except Failure as e:
            print(f"control ignore_short_write: {e}")
            return True
    return False


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--cases", default=",".join(CASES))
    options.add_argument("--seed", type=int)
    options.add_argument("--no-control", dest="control", action="store_false")
    options = options.parse_args()
    if os.geteuid() != 0:
        raise Skip("small disks need root")
    seed = durability.new_seed(options.seed)
    print(f"seed {seed}: full.py --cases {options.cases} --seed {seed}", flush=True)
    began = time.monotonic()
    acknowledged = done = 0
    refusals = 0
    failures = []
    for case in options.cases.split(","):
        dice = random.Random(f"{seed} {case}")
        try:
            kept, replies = globals()["case_" + case](dice)
            acknowledged += kept
            refusals += replies["452"]
            done += 1
            print(f"{case}: {kept} acknowledged, {dict(replies)}", flush=True)
        except Skip as e:
            print(f"{case}: skipped: {e}", flush=True)
        except (Failure, daybook.ApiError) as e:
            failures.append(f"{case}: {e}")
            print(f"{case}: FAILED: {e}", flush=True)
    took = time.monotonic() - began
    caught = options.control and not failures and control(seed)
    text = durability.line("T6", states=done, acked=acknowledged, refused=refusals, lost=len(failures),
                           seconds=f"{took:.0f}", seed=seed, controls=f"{int(caught)}/{int(options.control)}")
    if done == 0 and not failures:
        raise Skip("none of the cases can be played here")
    check(not failures, f"{text}: {failures}")
    check(caught or not options.control, "a program that ignores short writes was not caught")


daybook.run(main)
