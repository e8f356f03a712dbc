#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up: 452 and nothing lost, reading goes on, and 250 again by itself when there is room."""
import os
import shutil
import subprocess
import tempfile

import daybook
from daybook import Scenario, Server, Skip, Smtp, check, check_equal

SIZE_MIB = 320
LEAVE_MIB = 40  # below the reserve


def try_to_send(address, message):
    """The code of the answer, and the id when it was kept."""
    smtp = Smtp(address)
    try:
        return 250, smtp.send(message)
    except daybook.Failure as e:
        return int(str(e).split()[2]), None
    finally:
        smtp.close()


def fill(path, leave):
    free = os.statvfs(os.path.dirname(path))
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_frsize - leave)


def play(home):
    ballast = os.path.join(home, "ballast")
    with Server(directory=home) as server:
        scenario = Scenario(server.api)
        address = server.smtp[0]
        kept = {}

        def send_some(count):
            for i in range(count):
                message = daybook.simple_message(f"before {i}", "x" * 2000 + "\r\n")
                code, key = try_to_send(address, message)
                check_equal(code, 250, "the answer while there is room")
                kept[key] = message
        send_some(20)
        fill(ballast, LEAVE_MIB << 20)
        message = daybook.simple_message("while full", "y" * 20000 + "\r\n")
        codes = set()

        def refused():
            code, key = try_to_send(address, message)
            codes.add(code)
            if key:
                kept[key] = message
            return code == 452
        daybook.wait_for("452 below the reserve", refused)
        fill(os.path.join(home, "more"), 0)  # to the last byte
        for _ in range(20):
            refused()
        check(codes <= {250, 452}, f"answers while the disk fills: {codes}")
        check_equal(server.api.call("Daybook.GetStatus")["SpaceLow"], True, "SpaceLow in the status")
        check_equal(server.api.call("Daybook.GetStatus")["VolumeFailed"], False, "VolumeFailed in the status")
        some = next(iter(kept))
        link = scenario.api.call("GetArchiveMessage", ArchivedMessageId=some)["MessageDownloadLink"]
        check_equal(daybook.download(link, server.http), (200, kept[some]), "a message read from a full disk")
        os.unlink(ballast)
        os.unlink(os.path.join(home, "more"))
        daybook.wait_for("250 again by itself", lambda: not refused())
        send_some(20)
        name = scenario.export("s3://full/end")
        _, digests = daybook.read_export(os.path.join(server.exported("s3://full/end"), name))
        check_equal(digests, {key: daybook.sha256(content) for key, content in kept.items()}, "what is kept")
        print(f"disk full: 452 while full, {len(kept)} acknowledged, all there")


def main():
    if os.geteuid() != 0:
        raise Skip("a small disk needs root")
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=0700", "tmpfs", home],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no small disk here: {done.stderr.strip()}")
        try:
            play(home)
        finally:
            subprocess.run(["umount", home], check=False)
    finally:
        shutil.rmtree(home, ignore_errors=True)


daybook.run(main)
