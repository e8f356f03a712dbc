#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damaged files: each message is served as it was sent, or named as damaged and counted; never served wrong, never
missing in silence. The rest goes on."""
import http.client
import json
import os
import shutil
import tempfile

import daybook
from daybook import Scenario, Server, Smtp, check, check_equal, sha256

SEALED, UNSEALED = 40, 15
SEAL_SECONDS = 120
DAMAGED = 8  # exit code of verify


def prepare(home):
    """A data directory with messages in a pack and in the intake log; {id: bytes} of each, and the archive."""
    with Server(directory=home, config={"archive.seal-minutes": 1}) as server:
        scenario = Scenario(server.api)
        sealed, unsealed = {}, {}
        smtp = Smtp(server.smtp[0])
        for i in range(SEALED):
            message = daybook.simple_message(f"sealed {i}", os.urandom(3000).hex() + "\r\n")
            sealed[smtp.send(message)] = message
        daybook.wait_for("everything is sealed", lambda: server.api.call("Daybook.GetStatus")["Archives"][0]
                         ["UnsealedMessages"] == 0, SEAL_SECONDS)
        for i in range(UNSEALED):
            message = daybook.simple_message(f"unsealed {i}", os.urandom(3000).hex() + "\r\n")
            unsealed[smtp.send(message)] = message
        smtp.close()
        return scenario.archive, sealed, unsealed


def files_below(folder, ending):
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.join(base, name) for name in names if name.endswith(ending)]
    return sorted(found)


def flip(path, at):
    """One bit of one byte; negative: from the end."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.seek(at if at >= 0 else size + at)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 0x10]))


def pack_of(home):
    packs = files_below(os.path.join(home, "data", "archives"), ".pack")
    check_equal(len(packs), 1, "packs")
    return packs[0]


def flip_logs(home):
    """In each file of the intake log, the one in use among them, in the middle of two records."""
    for path in files_below(os.path.join(home, "data", "intake"), ".log"):
        for at in (20_000, 50_000):
            if os.path.getsize(path) > at:
                flip(path, at)


def cut(path, size):
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.truncate(size)


# name, what is done, whether sealed and unsealed messages may be damaged by it
CASES = [
    ("nothing", lambda home: None, False, False),
    ("a bit at the front of the pack", lambda home: flip(pack_of(home), 5), True, False),
    ("a bit in the middle of the pack", lambda home: flip(pack_of(home), os.path.getsize(pack_of(home)) // 2), True, False),
    ("a bit in the footer of the pack", lambda home: flip(pack_of(home), -40), True, False),
    ("half a pack", lambda home: cut(pack_of(home), os.path.getsize(pack_of(home)) // 2), True, False),
    ("an empty pack", lambda home: cut(pack_of(home), 0), True, False),
    ("bits in records of the log", flip_logs, False, True),
]


def serves(server, archive, sent, name, scenario_name="after"):
    """(exact, damaged) ids of an export; everything is one of the two."""
    scenario = Scenario(server.api, name=scenario_name, archive=archive)
    export = scenario.export("s3://damage/out")
    with open(os.path.join(server.exported("s3://damage/out"), export, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    exact, damaged = set(), set()
    for entry in manifest["Messages"]:
        key = entry["ArchivedMessageId"]
        check(key in sent, f"{name}: {key} was never acknowledged")
        if "Error" in entry:
            damaged.add(key)
            continue
        with open(os.path.join(server.exported("s3://damage/out"), export, entry["File"]), "rb") as f:
            check(f.read() == sent[key], f"{name}: {key} is exported, and is not what was sent")
        exact.add(key)
    check_equal(manifest["Count"], len(exact), f"{name}: Count")
    check_equal(manifest["DamagedCount"], len(damaged), f"{name}: DamagedCount")
    smtp = Smtp(scenario.tags()["daybook:listening"])
    fresh = daybook.simple_message("after the damage")
    key = smtp.send(fresh)
    smtp.close()
    link = server.api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
    check_equal(daybook.download(link, server.http), (200, fresh), f"{name}: new mail")
    for key in damaged:
        check(not readable(server, key, sent[key], name), f"{name}: {key} is damaged in the export, and yet read")
    return exact, damaged


def readable(server, key, content, name):
    """Whether the message is given out, which it may only be as it was sent."""
    try:
        link = server.api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
        status, body = daybook.download(link, server.http)
    except (daybook.ApiError, http.client.HTTPException):
        return False
    check(status != 200 or body == content, f"{name}: {key} is downloaded, and is not what was sent")
    return status == 200


def play(case, origin, archive, sealed, unsealed):
    name, break_it, sealed_may, unsealed_may = case
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        shutil.copytree(os.path.join(origin, "data"), os.path.join(home, "data"), symlinks=True,
                        ignore=shutil.ignore_patterns("*.sock"))
        shutil.copy2(os.path.join(origin, "data.key"), os.path.join(home, "data.key"))
        break_it(home)
        sent = {**sealed, **unsealed}
        broken = sealed_may or unsealed_may
        server = Server(directory=home, smtp_count=2)
        count, text = server.verify(want=DAMAGED if broken else 0)
        check(broken or count == len(sent), f"{name}: verify checked {count} messages of {len(sent)}")
        with server:
            exact, damaged = serves(server, archive, sent, name)
            silent = set(sent) - exact - damaged
            status = server.api.call("Daybook.GetStatus")["Archives"][0]
            said = [line for line in server.log().splitlines() if " error: " in line or " warning: " in line or " warn: " in line]
        print(f"{name}: {len(exact)} exact, {len(damaged)} named as damaged, {len(silent)} not in the export,"
              f" {status['CorruptPacks']} corrupt packs; {said[0] if said else 'the log says nothing'}")
        allowed = (set(sealed) if sealed_may else set()) | (set(unsealed) if unsealed_may else set())
        check(damaged | silent <= allowed, f"{name}: messages are gone that lie elsewhere")
        check(not silent or status["CorruptPacks"] or said, f"{name}: {len(silent)} messages are missing in silence")
        check(bool(allowed) == bool(damaged | silent), f"{name}: the damage is not noticed")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main():
    origin = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        archive, sealed, unsealed = prepare(origin)
        for case in CASES:
            play(case, origin, archive, sealed, unsealed)
    finally:
        shutil.rmtree(origin, ignore_errors=True)


if __name__ == "__main__":
    daybook.run(main)
