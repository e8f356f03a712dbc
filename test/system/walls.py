#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each process may touch, and that nothing of a message lies on disk in the clear."""
import base64
import os
import quopri
import shutil
import subprocess
import tempfile
import uuid

import daybook
from daybook import JOURNAL, Scenario, Server, Smtp, check, check_equal

NOBODY = 65534
CLOSED = "data directory and key file do not open"
SEAL_SECONDS = 120
CHUNK = 1 << 20


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return {name: value.split() for name, value in (line.split(":", 1) for line in f)}


def descriptors(pid):
    """Where a process's descriptors lead."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    return found


def check_walls(server, core_uid, edge_uid):
    roles = server.roles()
    check_equal(sorted(roles), ["core", "http", "smtp"], "the processes beneath the supervisor")
    for role, pid in roles.items():
        status = status_of(pid)
        check_equal(status["NoNewPrivs"], ["1"], f"NoNewPrivs of {role}")
        check_equal(status["Seccomp"], ["2"], f"Seccomp of {role}")
        want = str(core_uid if role == "core" else edge_uid)
        check_equal(status["Uid"], [want] * 4, f"users of {role}")
        if role != "core":
            check(core_uid == edge_uid or not status["Groups"], f"{role} has groups: {status['Groups']}")
            inside = [path for path in descriptors(pid) if path.startswith(server.data + "/")]
            check(not inside, f"{role} holds files of the data directory open: {inside}")
            lines = [line for line in server.log().splitlines() if f" {role} info: walls: " in line]
            check(lines, f"{role} said nothing of its walls")
            for line in lines:
                check(line.endswith(CLOSED), f"the start-up line of {role}: {line}")
    for name in ("", "credentials", "catalog.db", "intake", "archives"):
        path = os.path.join(server.data, name)
        check_equal(os.stat(path).st_mode & 0o077, 0, f"permissions for others on {path}")
    check_equal(os.stat(server.data + ".key").st_mode & 0o777, 0o400, "mode of the key file")


def forms(marker):
    """A word as it may stand in a file: as it is, other cases, UTF-16, and base64 at its three places."""
    word = marker.encode()
    found = {"raw": word, "capitals": word.upper(), "UTF-16": marker.encode("utf-16-le")}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + word)
        found[f"base64 at {shift}"] = text[(shift * 8 + 5) // 6:-4]  # without what depends on the neighbours
    return found


def search_tree(directory, marker, leave_out=()):
    """[(path, form)] of the files that hold the marker."""
    wanted, hits = forms(marker), []
    for folder, below, names in os.walk(directory):
        below[:] = [name for name in below if os.path.join(folder, name) not in leave_out]
        for name in names:
            path = os.path.join(folder, name)
            tail = b""
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                while chunk := f.read(CHUNK):
                    text = tail + chunk
                    hits += [(path, form) for form, bytes_ in wanted.items() if bytes_ in text]
                    tail = text[-200:]
    return hits


def marked_message(marker):
    """Everywhere a message can say something."""
    attachment = base64.encodebytes(f"an attachment that says {marker} and more".encode()).replace(b"\n", b"\r\n")
    quoted = quopri.encodestring(f"ü {marker} ü".encode()).replace(b"\n", b"\r\n")
    return (f"From: \"{marker}\" <{marker}@example.test>\r\nTo: {marker} <b@example.test>\r\nSubject: walls {marker}\r\n"
            f"Message-ID: <{marker}@example.test>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            f"--b\r\nContent-Type: text/plain\r\n\r\nplain {marker}\r\n"
            "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            ).encode() + quoted + (
            f"\r\n--b\r\nContent-Type: application/octet-stream; name={marker}.bin\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n").encode() + attachment + b"\r\n--b--\r\n"


def control(server, marker):
    """The search finds what lies in the clear, in each form."""
    path = os.path.join(server.data, "tmp-control")
    for form, word in forms(marker).items():
        with open(path, "wb") as f:
            f.write(b"x" * (CHUNK - 7) + word)
        check_equal(search_tree(server.data, marker), [(path, form)], f"the control, {form}")
    text = base64.b64encode(b"ab" + marker.encode() + b"c")
    with open(path, "wb") as f:
        f.write(text)
    check_equal(search_tree(server.data, marker), [(path, "base64 at 2")], "the control, in base64")
    os.unlink(path)


def check_clear(server, marker, when, leave_out=()):
    hits = search_tree(server.home, marker, leave_out)
    check(not hits, f"in the clear {when}: {hits}")


def check_sealed(server):
    marker = "wall" + uuid.uuid4().hex
    scenario = Scenario(server.api)
    control(server, marker)
    smtp = Smtp(server.smtp[0])
    kept = []
    for bdat in (False, True):
        kept.append(smtp.send(marked_message(marker), sender=f"{marker}@example.test", bdat=bdat))
        check_clear(server, marker, "after the reception")
    smtp.command(f"MAIL FROM:<{marker}@example.test>", 250)
    smtp.command(f"RCPT TO:<{JOURNAL}>", 250)
    smtp.command("DATA", 354)
    smtp.socket.sendall(marked_message(marker))  # without an end
    check_clear(server, marker, "in the middle of DATA")
    smtp.abort()
    rows = scenario.search(Filters={"Include": [{"StringExpression": {
        "Evaluate": {"Attribute": "SUBJECT"}, "Operator": "CONTAINS", "Values": ["walls"]}}]})
    check_equal([row["ArchivedMessageId"] for row in rows], kept[::-1], "rows of the search")
    check(marker in rows[0]["Subject"], "the search shows the marker")
    check_clear(server, marker, "after a search")
    scenario.api.call("GetArchiveMessageContent", ArchivedMessageId=kept[0])
    link = scenario.api.call("GetArchiveMessage", ArchivedMessageId=kept[0])["MessageDownloadLink"]
    check_equal(daybook.download(link, server.http)[0], 200, "status of the download")
    check_clear(server, marker, "after reading")
    daybook.wait_for("everything is sealed", lambda: server.api.call("Daybook.GetStatus")["Archives"][0]
                     ["UnsealedMessages"] == 0, SEAL_SECONDS)
    check_clear(server, marker, "after sealing")
    scenario.export("s3://walls/out")
    out = os.path.join(server.data, "export")
    check(search_tree(out, marker), "the export, which is in the clear, does not hold the marker")
    check_clear(server, marker, "after an export", leave_out=[out])
    server.stop()
    check_clear(server, marker, "after the end", leave_out=[out])
    server.start()
    check_clear(server, marker, "after a restart", leave_out=[out])


def as_nobody():
    """Without root there is one user: what keeps the edges out is the sandbox alone."""
    home = tempfile.mkdtemp(prefix="daybook-test-")
    wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        os.chown(home, NOBODY, NOBODY)
        if subprocess.run(wrapper + [daybook.PROGRAM, "version"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode != 0:
            print("the program cannot be read by another user here: not tried without root")
            return
        with Server(directory=home, wrapper=wrapper) as server:
            if "landlock unavailable" in server.log():
                print("this kernel has no landlock: not tried without root")
                return
            check_walls(server, NOBODY, NOBODY)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main():
    with Server(config={"archive.seal-minutes": 1}) as server:
        root = os.geteuid() == 0
        check_walls(server, os.geteuid(), NOBODY if root else os.geteuid())
        check_sealed(server)
    if root:
        as_nobody()
    print("walls: edges hold no file of the data directory; nothing of a message in the clear")


daybook.run(main)
