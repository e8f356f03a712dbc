#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds, erasure and retention through the command line, on a machine whose clock is a hundred days ahead the next day."""
import json
import os
import subprocess
import time

import daybook
from daybook import Scenario, Server, Smtp, Skip, check, check_equal, wait_for

DAYS = 100
SHIFT = os.environ.get("DAYBOOK_CLOCK_SHIFT", "")
NOT_FOUND, USAGE, REFUSED, CONFLICT = 4, 2, 6, 10


class Cli:
    """Commands over the unix socket of one server."""

    def __init__(self, data):
        self.data = data

    def run(self, *words, code=0):
        done = subprocess.run([daybook.PROGRAM, *words, "--data", self.data], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                              env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
        check_equal(done.returncode, code, f"exit code of daybook {' '.join(words)} ({done.stderr.strip()})")
        return done.stdout if code == 0 else done.stderr

    def json(self, *words):
        return json.loads(self.run(*words, "--format", "json"))


def items(answer):
    return answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))


def today(server, cli, ids):
    archive = server.api.call("CreateArchive", ArchiveName="mail", Retention={"RetentionPeriod": "THREE_MONTHS"})
    Scenario(server.api, archive=archive["ArchiveId"])
    smtp = Smtp(server.smtp[0])
    for subject in ("case alpha", "beta", "gamma", "delta"):
        ids[subject.split()[-1]] = smtp.send(daybook.simple_message(subject))
    smtp.close()
    counted = cli.json("hold", "create", "acme", "--reason", "Doe v. Acme", "--subject", "case", "--dry-run")
    check_equal(counted["Messages"], 1, "messages that the hold would hold")
    cli.run("hold", "create", "acme", "--subject", "case", code=USAGE)
    cli.run("hold", "create", "acme", "--reason", "Doe v. Acme", "--subject", "case")
    cli.run("hold", "create", "acme", "--reason", "again", "--address", "a@example.test", code=CONFLICT)
    check_equal(cli.json("hold", "show", "acme")["Messages"], 1, "messages that the hold holds")
    check_equal(cli.json("hold", "create", "x", "--reason", "r", "--address", "A@Example.test", "--dry-run")["Messages"], 4,
                "messages of the sender")
    why = cli.json("hold", "why", ids["alpha"])
    check_equal([hold["HoldName"] for hold in why["Holds"]], ["acme"], "holds on the message")
    check_equal(cli.json("hold", "why", ids["beta"])["Holds"], [], "holds on another one")
    preview = cli.json("retention", "preview", "mail", "THREE_MONTHS")
    check_equal(preview["Destroyed"]["Messages"], 0, "messages that would go today")


def erasure(cli, ids):
    check("acme" in cli.run("erase", "request", ids["alpha"], "--reason", "Art. 17", code=REFUSED), "it names the hold")
    cli.run("erase", "request", "nothing", "--reason", "r", code=NOT_FOUND)
    request = cli.json("erase", "request", ids["gamma"], "--reason", "Art. 17")["ErasureId"]
    cli.run("show", ids["gamma"])
    cli.run("erase", "approve", request, "--yes")
    cli.run("erase", "approve", request, "--yes", code=CONFLICT)
    wait_for("the erasure is done",
             lambda: items(cli.json("erase", "list"))[0]["State"] == "COMPLETED", 30)
    said = cli.run("show", ids["gamma"], code=NOT_FOUND)
    check("erased on 20" in said and "approved by root" in said, f"what is said of an erased message: {said!r}")
    rows = [json.loads(line)["ArchivedMessageId"] for line in
            cli.run("search", "--last", "12h", "--format", "jsonl").splitlines()]
    check(ids["gamma"] not in rows and len(rows) == 3, "the search shows the other three")


def later(cli, ids):
    done = subprocess.run([daybook.PROGRAM, "status", "--data", cli.data], stdout=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 1 and "confirm-clock" in done.stdout, "status says that the clock waits")
    check_equal(items(cli.json("disposition", "list")), [], "dispositions before the clock is confirmed")
    cli.run("retention", "confirm-clock", time.strftime("%Y-%m-%d", time.gmtime()), "--yes", code=USAGE)
    now = time.strftime("%Y-%m-%d", time.gmtime(time.time() + DAYS * 86400))
    cli.run("retention", "confirm-clock", now, "--yes")
    check("confirm-clock" not in cli.run("status"), "status is content")
    wait_for("the disposition is done",
             lambda: [d for d in items(cli.json("disposition", "list")) if d["State"] == "COMPLETED"], 30)
    done = items(cli.json("disposition", "list"))[0]
    check_equal((done["DestroyedMessages"], done["HeldMessages"]), (2, 1), "destroyed, held")
    certificate = cli.json("disposition", "show", done["DispositionId"])
    check_equal(certificate["Format"], "daybook-certificate/1", "format of the certificate")
    check_equal({record["ArchivedMessageId"] for record in certificate["Records"]}, {ids["beta"], ids["delta"]},
                "what the certificate lists")
    archive = certificate["Disposition"]["ArchiveId"]
    size = cli.json("proof", "head", "--archive", "mail")["Leaves"]
    with open(os.path.join(cli.data, "archives", archive, "proof", "tile", "0", "000.p", str(size)), "rb") as file:
        tile = file.read()
    for record in certificate["Records"]:
        check_equal(record["LeafHash"], tile[32 * record["LeafIndex"]:][:32].hex(), "what the log has of a record")
    cli.run("show", ids["beta"], code=NOT_FOUND)
    cli.run("show", ids["alpha"])
    cli.run("hold", "release", "acme", "--reason", "settled", "--yes")
    check_equal(items(cli.json("hold", "list"))[0]["State"], "RELEASED", "state of the hold")
    wait_for("what was held goes as well",
             lambda: len([d for d in items(cli.json("disposition", "list")) if d["State"] == "COMPLETED"]) == 2, 30)
    cli.run("show", ids["alpha"], code=NOT_FOUND)


def main():
    if not os.path.exists(SHIFT):
        raise Skip("the library that turns the clock is not there")
    ids = {}
    first = Server()
    try:
        with first as server:
            cli = Cli(server.data)
            today(server, cli, ids)
            erasure(cli, ids)
            first.own_home = False
        check_equal(first.verify()[0], 3, "messages after the erasure")
        with Server(directory=first.home, wrapper=("/usr/bin/env", f"LD_PRELOAD={SHIFT}",
                                                    f"DAYBOOK_SHIFT_SECONDS={DAYS * 86400}")) as server:
            later(Cli(server.data), ids)
        check_equal(first.verify()[0], 0, "messages in the end")
    finally:
        first.own_home = True
        first.__exit__(None, None, None)
    print("retention: held, erased, expired, certified; a clock that jumped destroyed nothing")


daybook.run(main)
