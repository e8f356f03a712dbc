#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The catalog is lost, or damaged: a rebuild brings every archive and message back, as they were."""
import os
import shutil
import subprocess
import tempfile

import daybook
from daybook import PROGRAM, Scenario, Server, Smtp, check, check_equal

DAMAGED = 8


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)
    check_equal(done.returncode, code, f"daybook {' '.join(args)}: {done.stdout[-2000:]}")
    return done.stdout


def rows(api, archive):
    """What a search shows of every message; names of ingress points are the catalog's and not compared."""
    scenario = Scenario.__new__(Scenario)
    scenario.api, scenario.archive = api, archive
    return scenario.search(hours=24)


def compare(home, archive, sent, before, what):
    with Server(directory=home) as server:
        status = server.api.call("Daybook.GetStatus")
        check_equal([(a["ArchiveId"], a["Messages"]) for a in status["Archives"]], [(archive, len(sent))], what)
        check_equal(rows(server.api, archive), before, f"{what}: rows")
        for key, message in sent.items():
            link = server.api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
            check_equal(daybook.download(link, server.http), (200, message), f"{what}: {key}")
        shown = server.api.call("GetArchive", ArchiveId=archive)
        check_equal(shown["Retention"], {"RetentionPeriod": "PERMANENT"}, f"{what}: retention")


def main():
    home = tempfile.mkdtemp(prefix="daybook-test-")
    data = os.path.join(home, "data")
    sent = {}
    try:
        with Server(directory=home) as server:
            scenario = Scenario(server.api)
            archive = scenario.archive
            smtp = Smtp(server.smtp[0])
            for i in range(10):
                message = daybook.simple_message(f"message {i}", os.urandom(900).hex() + "\r\n")
                sent[smtp.send(message)] = message
                if i == 6:
                    server.api.call("Daybook.PrepareBackup")
            smtp.close()
            before = rows(server.api, archive)
            check_equal(len(before), len(sent), "rows")
            check("another server" in run("rebuild", "--data", data, code=10), "beside a server")
        text = run("rebuild", "--data", data)
        check("1 archives were in the catalog, 0 came back" in text and "not rebuilt" not in text, f"whole: {text}")
        # one bit of it
        with open(os.path.join(data, "catalog.db"), "r+b") as f:
            f.seek(5000)
            byte = f.read(1)[0]
            f.seek(5000)
            f.write(bytes([byte ^ 8]))
        run("verify", "--data", data, code=DAMAGED)
        text = run("rebuild", "--data", data)
        check("set aside" in text and "1 came back" in text and "holds" in text, f"damaged: {text}")
        compare(home, archive, sent, before, "after the damage")
        # all of it
        for name in os.listdir(data):
            if name.startswith("catalog.db"):
                os.unlink(os.path.join(data, name))
        os.rename(data + ".key", data + ".away")
        check("bring it back" in run("rebuild", "--data", data, code=1), "without the key")
        os.rename(data + ".away", data + ".key")
        check("1 came back" in run("rebuild", "--data", data), "without a catalog")
        compare(home, archive, sent, before, "without a catalog")
    finally:
        shutil.rmtree(home, ignore_errors=True)


daybook.run(main)
