#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ends at awkward moments: the core in the middle of a message, the server in the middle of an export, a core that
cannot come back yet."""
import os
import signal
import time

import daybook
from daybook import JOURNAL, Scenario, Server, Smtp, check, check_equal, wait_for


def role(server, name):
    return wait_for(f"a process {name}", lambda: server.roles().get(name))


def serves(server):
    try:
        smtp = Smtp(server.smtp[0], timeout=5)
        try:
            return smtp.send(daybook.simple_message("probe"))
        finally:
            smtp.close()
    except (OSError, ValueError, daybook.Failure):
        return None


def core_gone_in_message(server):
    """The answer is 451 when nobody is there to keep it, and the session and its process live on."""
    before = role(server, "smtp")
    smtp = Smtp(server.smtp[0])
    for line, code in (("MAIL FROM:<a@example.test>", 250), (f"RCPT TO:<{JOURNAL}>", 250), ("DATA", 354)):
        smtp.command(line, code)
    smtp.socket.sendall(b"Subject: half\r\n")
    os.kill(server.process.pid, signal.SIGSTOP)  # nobody starts the core again meanwhile
    try:
        os.kill(role(server, "core"), signal.SIGKILL)
        time.sleep(0.3)
        smtp.socket.sendall(b"\r\nx\r\n.\r\n")
        smtp.expect(451)
        smtp.command("MAIL FROM:<a@example.test>", 250)
        smtp.command(f"RCPT TO:<{JOURNAL}>", 250)
        smtp.command("DATA", 451)
        smtp.command("NOOP", 250)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    wait_for("service again", lambda: serves(server))
    smtp.send(daybook.simple_message("the same session"))
    smtp.close()
    check_equal(server.roles().get("smtp"), before, "the smtp process")


def core_cannot_return(server):
    """What stops a core that was fine before is waited for; the server does not end."""
    key = os.path.join(server.data, "tls", "smtp.key")
    os.rename(key, key + ".away")
    with open(key, "w", encoding="ascii") as out:
        out.write("no key\n")
    os.kill(role(server, "core"), signal.SIGKILL)
    wait_for("two attempts", lambda: server.log().count("core ended with code 7") >= 2)
    check_equal(server.process.poll(), None, "exit code of a server whose core cannot start yet")
    os.rename(key + ".away", key)
    wait_for("service again", lambda: serves(server), 20)
    server.api = server.client()


def stop_in_export(server):
    """Exports under way at SIGTERM end in order and are done again from their start."""
    scenario = Scenario(server.api, name="export", listen=server.smtp[1])
    smtp = Smtp(server.smtp[1])
    kept = [smtp.send(daybook.simple_message(f"{i}", "x" * 60000 + "\r\n")) for i in range(400)]
    smtp.close()
    now = time.time()
    exports = [server.api.call("StartArchiveExport", ArchiveId=scenario.archive, FromTimestamp=now - 3600,
                               ToTimestamp=now + 60, ExportDestinationConfiguration={
                                   "S3": {"S3Location": "s3://stop/end"}})["ExportId"] for _ in range(5)]
    state = lambda e: server.api.call("GetArchiveExport", ExportId=e)["Status"]["State"]  # noqa: E731
    wait_for("an export is under way", lambda: any(state(e) == "PROCESSING" for e in exports))
    server.stop()
    server.start()
    for export in exports:
        wait_for("the export is complete", lambda e=export: state(e) == "COMPLETED", 60)
        _, digests = daybook.read_export(os.path.join(server.exported("s3://stop/end"), export))
        check_equal(sorted(digests), sorted(kept), "messages of the export")
    log = server.log().partition("stopping")[2]
    check("killed" not in log and "ended with code" not in log, "a process died while stopping")


def main():
    with Server(smtp_count=2) as server:
        server.deaths_expected = True
        Scenario(server.api, listen=server.smtp[0])
        core_gone_in_message(server)
        core_cannot_return(server)
        stop_in_export(server)
        print("restarts: a core lost in a message, a core that could not return, a stop in an export")


daybook.run(main)
