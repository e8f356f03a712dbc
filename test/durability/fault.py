#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""T4, from outside: every n-th call of a running server's processes fails; files, sockets, mappings, memory.

fault.py [--faults N] [--sample N] [--seed N] [--only CALL/ROLE/ERRNO/HOW[/FILES]] [--nth N] [--controls retry_fsync,…]

A case is a kind of call in one process, an errno and a way to fail; its n-th meeting fails, n = 1, 2, … until a scenario
(connect, three messages, status, search, a message read) runs through without meeting it. Few faults: n is strided.
Only 250 and 4xx are said, nobody dies but of memory (abort is what we do then) and of a failed sync (the core starts again),
no descriptor leaks, and when all is over nothing that was acknowledged is lost. A broken rule names its case and n:
--only CASE --nth N plays that one again.
"""
import argparse
import errno
import mmap
import os
import random
import shutil
import struct
import tempfile
import time

import durability
from durability import Failure, Program, Promises, check, daybook, tool
from daybook import JOURNAL, Scenario, Server, Smtp, sha256

CALLS = ["open", "write", "sync", "rename", "unlink", "mkdir", "close", "read", "allocate", "truncate", "accept", "receive",
         "send", "map", "memfile", "memory"]
HOW = ["before", "short", "after"]
ROLES = {"core": 1, "smtp": 2, "http": 4}
TAGS = {"any": 0, "intake": 1, "catalog": 2, "packs": 4, "else": 8}
NTH_MAX = 4000
SERVES_SECONDS = 60  # an edge that lost its channel to a living core waits 20 before it starts anew
CLIENT_SECONDS = 4  # an answer may be lost between processes
CONTROLS = ["retry_fsync", "ignore_short_write"]


def cases():
    """(call, role, errno, how, files), most telling first."""
    for files in ("intake", "catalog", "packs", "else"):
        yield "sync", "core", errno.EIO, "before", files
        yield "sync", "core", errno.EINTR, "before", files
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            yield "write", "core", number, "short" if number != errno.EIO else "before", files
        yield "write", "core", errno.EINTR, "before", files
        for number in (errno.EMFILE, errno.ENOMEM, errno.ENOSPC, errno.EINTR):
            yield "open", "core", number, "before", files
        yield "close", "core", errno.EIO, "before", files
        yield "read", "core", errno.EIO, "before", files
        yield "read", "core", errno.EINTR, "short", files
        yield "rename", "core", errno.EIO, "after", files
        yield "truncate", "core", errno.EIO, "before", files
        yield "allocate", "core", errno.ENOSPC, "before", files
        yield "unlink", "core", errno.EIO, "before", files
    for role in ("smtp", "http"):
        for number in (errno.EMFILE, errno.ENOMEM, errno.EINTR, errno.ECONNABORTED):
            yield "accept", role, number, "before", "any"
    for role in ROLES:
        yield "receive", role, errno.EINTR, "before", "any"
        yield "receive", role, errno.ECONNRESET, "before", "any"
        yield "receive", role, errno.EINTR, "short", "any"
        yield "send", role, errno.EPIPE, "before", "any"
        yield "send", role, errno.EINTR, "before", "any"
        yield "send", role, errno.ENOBUFS, "before", "any"
        yield "send", role, errno.EINTR, "short", "any"
        yield "map", role, errno.ENOMEM, "before", "any"
        yield "memfile", role, errno.EMFILE, "before", "any"
        yield "memfile", role, errno.ENOSPC, "short", "any"
        yield "memory", role, errno.ENOMEM, "before", "any"


def name_of(case):
    call, role, number, how, files = case
    return f"{call}/{role}/{errno.errorcode[number]}/{how}/{files}"


class Block:
    """struct fault_block of fault.h, shared with every process of the server."""

    def __init__(self, home):
        self.path = os.path.join(home, "block")
        with open(self.path, "wb") as f:
            f.write(struct.pack("<I", 0x31544c46))
            f.truncate(4096)
        os.chmod(self.path, 0o666)
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 4096)

    def arm(self, case, nth):
        call, role, number, how, files = case
        self.disarm()
        times = 2 if how == "short" and call in ("write", "memfile") else 1
        self.map[8:44] = struct.pack("<9I", CALLS.index(call), ROLES[role], TAGS[files], number, HOW.index(how), nth, times,
                                     0, 0)
        self.map[4:8] = struct.pack("<I", 1)

    def disarm(self):
        """How many calls failed."""
        self.map[4:8] = struct.pack("<I", 0)
        return struct.unpack("<I", self.map[40:44])[0]


class Play:
    def __init__(self, seed, home):
        self.seed, self.home = seed, home
        os.chmod(home, 0o711)
        self.block = Block(home)
        disk = os.path.join(home, "disk")
        os.mkdir(disk)
        os.chmod(disk, 0o711)
        wrapper = ["env", f"LD_PRELOAD={tool('libdurability_fault.so')}", f"DAYBOOK_FAULT_ROOT={disk}/data",
                   f"DAYBOOK_FAULT_BLOCK={self.block.path}"]
        self.server = Server(directory=disk, config=dict(durability.SMALL, **{"archive.reserve-mib": 8}), wrapper=wrapper)
        self.server.deaths_expected = True
        self.promises = Promises()
        self.dice = random.Random(seed)
        self.scenario = None
        self.faults = self.runs = self.restarts = self.aborts = 0
        self.log_seen = 0

    def start(self):
        self.server.start()
        self.scenario = Scenario(self.server.api)
        self.play()
        self.baseline = self.descriptors()

    def play(self):
        """Whatever goes wrong, says so in 4xx, in 5xx of HTTP, or by a connection that ends."""
        smtp = None
        for size_max in (1500, 1500, 150_000):
            content = durability.message(self.dice, size_max)
            if size_max > 100_000:
                content += b"z" * 100_000 + b"\r\n"
            digest = sha256(content)
            self.promises.going_out(digest)
            try:
                smtp = smtp or Smtp(self.server.smtp[0], timeout=CLIENT_SECONDS)
                self.promises.kept(smtp.send(content, bdat=size_max > 100_000), digest)
            except (OSError, ValueError):
                smtp = smtp.abort() if smtp else None
            except Failure as e:
                self.promises.refused(str(e))
                smtp = smtp.abort() if smtp else None
        if smtp is not None:
            smtp.close()
        api = self.server.client()
        for call in (lambda: api.call("Daybook.GetStatus", timeout=CLIENT_SECONDS), lambda: self.search(api)):
            try:
                call()
            except (OSError, ValueError, daybook.http.client.HTTPException):
                api.close()
            except daybook.ApiError as e:
                check(e.status >= 500 or e.name in ("ThrottlingException", "ConflictException"), f"the API said {e}")
            except Failure as e:
                check("not within" not in str(e), str(e))
        api.close()

    def search(self, api):
        now = time.time()
        search = api.call("StartArchiveSearch", ArchiveId=self.scenario.archive, FromTimestamp=now - 3600,
                          ToTimestamp=now + 60, MaxResults=5, timeout=CLIENT_SECONDS)["SearchId"]
        for _ in range(100):
            try:
                return api.call("GetArchiveSearchResults", SearchId=search, timeout=CLIENT_SECONDS)
            except daybook.ApiError as e:
                if e.name != "ConflictException":
                    raise
                time.sleep(0.01)
        return None

    def serves(self):
        try:
            smtp = Smtp(self.server.smtp[0], timeout=5)
            smtp.command("MAIL FROM:<probe@example.test>", 250)
            smtp.command(f"RCPT TO:<{JOURNAL}>", 250)
            smtp.command("DATA", 354)
            smtp.abort()
            api = self.server.client()
            api.call("Daybook.GetStatus", timeout=5)
            api.close()
            return True
        except (OSError, ValueError, Failure, daybook.ApiError, daybook.http.client.HTTPException):
            return False

    def serves_soon(self):
        try:
            return daybook.wait_for("service", self.serves, SERVES_SECONDS)
        except Failure:
            return False

    def descriptors(self):
        """{role: (pid, number of sockets and memory files)}."""
        found = {}
        for role, pid in self.server.roles().items():
            count = 0
            for fd in os.listdir(f"/proc/{pid}/fd"):
                try:
                    target = os.readlink(f"/proc/{pid}/fd/{fd}")
                except OSError:
                    continue
                count += target.startswith(("socket:", "/memfd:", "anon_inode:", "pipe:"))
            found[role] = (pid, count)
        return found

    def deaths(self):
        """Lines of the log since the last look that tell of a process that ended."""
        text = self.server.log()
        new, self.log_seen = text[self.log_seen:], len(text)
        return [line for line in new.splitlines() if " was killed by signal " in line or " ended with code " in line or
                "Sanitizer" in line or "failed:" in line and "must" in line]

    def one(self, case, nth):
        """True when the fault was met."""
        call, role, number, how, files = case
        before = self.server.roles()
        acknowledged = len(self.promises.acknowledged)
        mark = len(self.server.log())
        self.block.arm(case, nth)
        self.play()
        hits = self.block.disarm()
        self.runs += 1
        self.faults += hits
        where = f"{name_of(case)} --nth {nth}"
        if hits and call == "sync" and files == "intake":
            self.begins_anew(before.get("core"), mark, where, len(self.promises.acknowledged) - acknowledged)
        if not self.serves_soon():
            raise Failure(f"{where}: the server does not serve again")
        deaths = self.deaths()
        killed = [line for line in deaths if " was killed by signal " in line]
        check(not killed or call == "memory", f"{where}: {killed}")
        self.aborts += len(killed)
        # A process whose channel broke, or whose volume failed a sync, ends by itself and is started again.
        ended = [line for line in deaths if " was killed by signal " not in line]
        check(all(" ended with code 1" in line for line in ended), f"{where}: {ended}")
        check(not ended or role == "core" or call in ("receive", "send", "map", "memfile", "memory"), f"{where}: {ended}")
        after = self.server.roles()
        self.restarts += before.get("core") != after.get("core")
        check(not self.promises.broken, f"{where}: {self.promises.broken[:3]}")
        return hits > 0

    def begins_anew(self, core, mark, where, acknowledged):
        """
        After a failed sync of the log only a new process may write. A file that is made ahead or freed has no record in
        it that counts: it is dropped, or marked free by a new write later.
        """
        def anew():
            log = self.server.log()[mark:]
            return (self.server.roles().get("core") not in (core, None) or "no spare log file" in log or
                    "is not freed yet" in log)
        try:
            daybook.wait_for("a new core", anew, 5)
        except Failure:
            raise Failure(f"{where}: a sync of the intake log failed, {acknowledged} messages were acknowledged meanwhile, and "
                          "the core goes on") from None

    def leaks(self):
        now = self.descriptors()
        return [f"{role}: {count} sockets and the like, {self.baseline[role][1]} at first"
                for role, (pid, count) in now.items()
                if role in self.baseline and self.baseline[role][0] == pid and count > self.baseline[role][1] + 2]

    def run_case(self, case, stride):
        nth, met = 1, True
        while met and nth < NTH_MAX:
            met = self.one(case, nth)
            nth += 1 + int(nth * stride)
        if self.leaks():
            daybook.wait_for(f"{name_of(case)}: descriptors are given back: {self.leaks()}", lambda: not self.leaks(), 15)

    def end(self):
        self.server.stop()
        self.server.verify()
        found, wrong = durability.look(self.server.data)
        lost, foreign = self.promises.compare(found)
        check(not wrong, wrong)
        check(not lost, f"{len(lost)} acknowledged and lost: {lost[:3]}")
        check(not foreign, f"{len(foreign)} that nobody sent: {foreign[:3]}")


def play(seed, faults, chosen=None, nth=None, quiet=False):
    home = tempfile.mkdtemp(prefix="daybook-fault-")
    p = Play(seed, home)
    todo = list(chosen or cases())
    try:
        p.start()
        for number, case in enumerate(todo):
            left = len(todo) - number
            if nth is not None:
                p.one(case, nth)
                continue
            # What is left of the faults is shared among the cases that are left: the fewer, the longer the strides.
            share = max(2, (faults - p.faults) / left)
            p.run_case(case, 4 / share if share < 400 else 0)
        p.end()
        return p
    except BaseException:
        if not quiet:
            print("---- log of the server\n" + p.server.log()[-5000:] + "----")
        raise
    finally:
        p.server.kill()
        shutil.rmtree(home, ignore_errors=True)


def control(word, seed):
    chosen = [case for case in cases() if case[4] == "intake" and case[0] in ("sync", "write")]
    with Program(durability.sabotaged(word)):
        try:
            play(seed, 60, chosen, quiet=True)
        except Failure as e:
            print(f"control {word}: {e}")
            return True
    return False


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--faults", type=int, default=400)
    options.add_argument("--seed", type=int)
    options.add_argument("--only")
    options.add_argument("--nth", type=int)
    options.add_argument("--sample", type=int, help="so many of the cases, drawn by the seed")
    options.add_argument("--controls", default=",".join(CONTROLS))
    options = options.parse_args()
    seed = durability.new_seed(options.seed)
    print(f"seed {seed}: fault.py --faults {options.faults} --seed {seed}", flush=True)
    chosen = [case for case in cases() if name_of(case).startswith(options.only)] if options.only else None
    if options.sample:
        chosen = random.Random(seed).sample(chosen or list(cases()), options.sample)
    began = time.monotonic()
    p = play(seed, options.faults, chosen, options.nth)
    took = time.monotonic() - began
    controls = [word for word in options.controls.split(",") if word] if not options.only else []
    caught = [word for word in controls if control(word, seed)]
    text = durability.line("T4", states=p.runs, faults=p.faults, acked=len(p.promises.acknowledged), lost=0,
                           replies=",".join(f"{code}:{n}" for code, n in sorted(p.promises.replies.items())),
                           core_restarts=p.restarts, aborts_of_memory=p.aborts, crashes=0, seconds=f"{took:.0f}", seed=seed,
                           controls=f"{len(caught)}/{len(controls)}")
    check(p.faults >= min(options.faults, 20) or options.only, text)
    check(len(caught) == len(controls), f"not caught: {set(controls) - set(caught)}")


daybook.run(main)
