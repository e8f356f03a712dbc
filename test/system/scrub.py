#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scrub: a round when asked for, what it says of whole and of damaged packs and of the audit log, and after a restart."""
import json
import os
import shutil
import subprocess
import tempfile

import daybook
from daybook import PROGRAM, Scenario, Server, Smtp, check, check_equal

DAMAGED = 8


def run(server, *args, code=0):
    done = subprocess.run([PROGRAM, *args, "--data", server.data], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    check_equal(done.returncode, code, f"daybook {' '.join(args)}: {done.stdout[-2000:]}")
    return done.stdout


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x20]))


def packs(home):
    found = []
    for base, _, names in os.walk(os.path.join(home, "data", "archives")):
        found += [os.path.join(base, name) for name in names if name.endswith(".pack")]
    return sorted(found)


def proof_files(archive):
    """One of each kind in a proof log, and the word that must name it."""
    found = {}
    for base, _, names in os.walk(os.path.join(archive, "proof")):
        for name in names:
            path = os.path.join(base, name)
            kind = "entries" if "/entries/" in path else "tile" if "/tile/" in path else name
            if kind in ("entries", "tile", "checkpoint", "vkey"):
                found[kind] = path
    check_equal(sorted(found), ["checkpoint", "entries", "tile", "vkey"], "files of a proof log")
    return found


def proof_log():
    """Damage to a proof log at rest, while the server has it open: a round finds and names it; then all is well again."""
    with Server() as server:
        scenario = Scenario(server.api)
        smtp = Smtp(server.smtp[0])
        for i in range(10):
            smtp.send(daybook.simple_message(f"message {i}", "Hello.\r\n"))
        smtp.close()
        server.api.call("Daybook.PrepareBackup")
        for kind, path in proof_files(os.path.join(server.data, "archives", scenario.archive)).items():
            flip(path, os.path.getsize(path) // 2)
            text = run(server, "scrub", "start", "--wait", code=DAMAGED)
            check({"entries": "bundle"}.get(kind, kind) in text and scenario.archive in text, f"damaged {kind}: {text}")
            flip(path, os.path.getsize(path) // 2)
            server.api.call("Daybook.StartScrub")
            daybook.wait_for("a round", lambda: not server.api.call("Daybook.GetScrub")["Asked"], 30)
            last = server.api.call("Daybook.GetScrub")["LastRound"]
            check_equal(last["Problems"], [], f"after {kind} was put right")


def main():
    proof_log()
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        with Server(directory=home) as server:
            Scenario(server.api)
            smtp = Smtp(server.smtp[0])
            for i in range(20):
                smtp.send(daybook.simple_message(f"message {i}", os.urandom(2000).hex() + "\r\n"))
            smtp.close()
            server.api.call("Daybook.PrepareBackup")
            text = run(server, "scrub", "start", "--wait")
            check("20 messages, 0 problems" in text, f"a whole archive: {text}")
            check("0 problems" in run(server, "status"), "the scrub in the status")
            check("records checked, 0 problems" in run(server, "audit", "verify"), "the audit log")
        pack = packs(home)[0]
        flip(pack, os.path.getsize(pack) // 3)
        with Server(directory=home) as server:
            scrub = server.api.call("Daybook.GetScrub")
            check_equal(scrub["LastRound"]["CheckedMessages"], 20, "the last round after a restart")
            text = run(server, "scrub", "start", "--wait", code=DAMAGED)
            check(os.path.basename(pack)[:-5] in text, f"the damaged pack is not named: {text}")
            run(server, "status", code=DAMAGED)
            shown = json.loads(run(server, "scrub", "status", "--format", "json", code=DAMAGED))
            check(shown["LastRound"]["ProblemCount"] > 0, "problems in JSON")
            log = os.path.join(server.data, "audit", "00000001.log")
        flip(log, 200)
        flip(pack, os.path.getsize(pack) // 3)
        check("audit log file 1 is damaged at 88" in server.verify(want=DAMAGED)[1], "verify names the place in the audit log")
        with Server(directory=home) as server:
            text = run(server, "audit", "verify", code=DAMAGED)
            check("audit log file 1 at 88: record 1" in text, f"the place in the audit log: {text}")
            text = run(server, "scrub", "start", "--wait", code=DAMAGED)
            check("20 messages" in text and "audit log file 1" in text, f"a round over a damaged audit log: {text}")
            events = server.api.call("Daybook.ListAuditEvents", Operation="Daybook.AuditLogDamaged")
            check(len(events["AuditEvents"]) == 1, f"the damage is not in the log itself: {events}")
            run(server, "audit", "list", "--limit", "1000", code=DAMAGED)
    finally:
        shutil.rmtree(home, ignore_errors=True)


daybook.run(main)
