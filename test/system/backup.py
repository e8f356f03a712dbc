#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The restore drill: mail, a backup while the server runs, more mail, a second backup, a restore into another directory that
is served; every message is what was sent, and every proof log has the root it had. Then a damaged backup, one that was cut
off, and one without a server."""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading

import daybook
from daybook import PROGRAM, Scenario, Server, Smtp, check, check_equal

INTEGRITY, CONFLICT, USAGE = 8, 10, 2
SECRET = b"quite-unlikely-subject-71450"


def run(*args, code=0):
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    check_equal(done.returncode, code, f"daybook {' '.join(args)}: {done.stdout[-2000:]}")
    return done.stdout


def copied(text):
    found = re.search(r"; (\d+) copied", text)
    return int(found.group(1)) if found else 0


def send(address, sent, count, size):
    smtp = Smtp(address)
    for i in range(count):
        message = daybook.simple_message(f"{SECRET.decode()} {len(sent)}", os.urandom(size).hex() + "\r\n")
        sent[smtp.send(message)] = message
    smtp.close()


def compare(server, sent, what):
    for key, message in sent.items():
        link = server.api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
        check_equal(daybook.download(link, server.http), (200, message), f"{what}: {key}")


def tree(folder):
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = f.read()
    return found


def heads(server):
    """Of every archive's proof log: name, number of leaves, root. What waits is sealed first."""
    server.api.call("Daybook.PrepareBackup")
    found = {}
    for archive in server.api.call("ListArchives")["Archives"]:
        head = server.api.call("Daybook.GetProofHead", ArchiveId=archive["ArchiveId"])
        origin, size, root = head["Checkpoint"].split("\n")[:3]
        check_equal((int(size), root), (head["Leaves"], head["RootHash"]), "a head and its checkpoint")
        check(head["Leaves"] > 0 and head["MessagesWaiting"] == 0, f"nothing to compare: {head}")
        found[archive["ArchiveId"]] = (origin, head["Leaves"], root, head["Key"])
    return found


def audit_checkpoint(data):
    """Number of leaves and root of the audit log's own proof log, as they stand on disk."""
    with open(os.path.join(data, "audit/proof/checkpoint"), encoding="utf-8") as f:
        _, size, root = f.read().split("\n")[:3]
    return int(size), root


def audit_root(data, size):
    """The root that this log had when it had that many leaves: from its own hashes (RFC 9162 section 2.1.1)."""
    folder = os.path.join(data, "audit/proof/tile/0")
    hashes = []
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            number = int("".join(re.findall(r"\d{3}", os.path.relpath(path, folder).split(".p")[0])))
            with open(path, "rb") as f:
                raw = f.read()
            hashes += [(number * 256 + i // 32, raw[i:i + 32]) for i in range(0, len(raw), 32)]
    leaves = [leaf for _, leaf in sorted(dict(hashes).items())][:size]

    def tree(part):
        if len(part) == 1:
            return part[0]
        half = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + tree(part[:half]) + tree(part[half:])).digest()

    check(size > 0 and len(leaves) == size, f"{len(leaves)} leaves of the audit log, {size} wanted")
    return base64.b64encode(tree(leaves)).decode()


def restore(backup, key_file, sent, events, origin, before, origin_runs):
    """A restored server serves what was sent, its proof logs have the roots of before, and its audit log is the one of
    before, whole."""
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        data = os.path.join(home, "data")
        check("key file" in run("backup", "restore", backup, "--data", data), "restore")
        check("not empty" in run("backup", "restore", backup, "--data", data, code=CONFLICT), "a second restore")
        shutil.copy2(key_file, data + ".key")
        size, root = audit_checkpoint(data)
        # It is at most a minute behind while a server runs, and exact when one has stopped.
        check(size > 0 or origin_runs, "no leaf of the audit log")
        if size > 0:
            check_equal(root, audit_root(origin, size), "the audit log's root after the restore")
        if not origin_runs:
            check_equal((size, root), audit_checkpoint(origin), "the audit log's head after the restore")
        server = Server(directory=home)
        count, _ = server.verify()
        check_equal(count, len(sent), "messages after the restore")
        with server:
            check_equal(server.api.call("Daybook.GetStatus")["Archives"][0]["Messages"], len(sent), "messages in the status")
            check_equal(heads(server), before, "the archives' proof roots after the restore")
            compare(server, sent, "restored")
            answer = server.api.call("Daybook.VerifyAuditLog")
            check_equal(answer["Problems"], [], "the audit log after the restore")
            check(answer["RecordCount"] >= events, f"{answer['RecordCount']} audit records of at least {events}")
            more = dict(sent)
            send(server.smtp[0], more, 1, 50)
            compare(server, more, "after the restore")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def damaged(backup):
    """Each kind of file, one bit: named, by verify and by restore, which leaves no data directory."""
    with open(os.path.join(backup, "manifest"), encoding="ascii") as f:
        files = [line.split(" ", 3)[1:] for line in f if line.startswith("file ")]
    kinds = {}
    for digest, size, path in files:
        kinds.setdefault(re.sub(r"[^/]*$", "", path) or path.strip(), (digest, int(size), path.strip()))
    check(len(kinds) >= 4, f"kinds of files in the backup: {sorted(kinds)}")
    for digest, size, path in kinds.values():
        blob = os.path.join(backup, "files", digest)
        with open(blob, "r+b") as f:
            f.seek(size // 2)
            byte = f.read(1)[0]
            f.seek(size // 2)
            f.write(bytes([byte ^ 4]))
        check(f"{path} is damaged" in run("backup", "verify", backup, code=INTEGRITY), f"{path}: not named by verify")
        home = tempfile.mkdtemp(prefix="daybook-test-")
        data = os.path.join(home, "data")
        check(f"{path} is damaged" in run("backup", "restore", backup, "--data", data, code=INTEGRITY), f"{path}: restore")
        check(not os.path.exists(data), f"{path}: a damaged backup became a data directory")
        with open(blob, "r+b") as f:
            f.seek(size // 2)
            f.write(bytes([byte]))
        run("backup", "restore", backup, "--data", data)  # goes on with what is there
        check(not os.path.exists(data + ".partial"), "the partial directory is still there")
        shutil.rmtree(home)
    blob = os.path.join(backup, "files", files[0][0])
    os.rename(blob, blob + ".gone")
    check("is missing" in run("backup", "verify", backup, code=INTEGRITY), "a missing file")
    os.rename(blob + ".gone", blob)
    with open(os.path.join(backup, "manifest"), "r+b") as f:
        f.seek(200)
        f.write(b"~")
    check("manifest" in run("backup", "verify", backup, code=INTEGRITY), "a damaged manifest")


def under_load(server, backup, sent):
    """Backups while mail comes: each has at least what was there before it began."""
    stop = threading.Event()
    trouble = []

    def load():
        try:
            while not stop.is_set():
                send(server.smtp[0], sent, 3, 2000)
        except Exception as what:  # pylint: disable=broad-except
            trouble.append(what)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for _ in range(3):
            before = dict(sent)
            run("backup", "create", backup, "--data", server.data)
            run("backup", "verify", backup)
    finally:
        stop.set()
        thread.join()
    check(not trouble, f"mail beside a backup: {trouble}")
    return before


def main():
    place = tempfile.mkdtemp(prefix="daybook-backup-")
    backup = os.path.join(place, "backup")
    sent = {}
    try:
        with Server() as server:
            Scenario(server.api)
            send(server.smtp[0], sent, 12, 3000)
            check("must not lie" in run("backup", "create", os.path.join(server.data, "b"), "--data", server.data, code=USAGE), "inside")
            first = copied(run("backup", "create", backup, "--data", server.data))
            check(first >= 5, f"the first backup copied {first} files")
            check_equal(copied(run("backup", "verify", backup)), 0, "verify copies nothing")
            send(server.smtp[0], sent, 5, 3000)
            text = run("backup", "create", backup, "--data", server.data)
            check(copied(text) < first, f"the second backup is not incremental: {text}")
            check("key file is not in it" in text, "what is said of the key file")
            events = server.api.call("Daybook.VerifyAuditLog")["RecordCount"] - 3
            key_file = server.data + ".key"
            with open(key_file, "rb") as f:
                key = f.read()
            for name, content in tree(backup).items():
                check(SECRET not in content, f"mail in the clear in {name}")
                check(key not in content and key[-32:] not in content, f"the key in {name}")
            restore(backup, key_file, sent, events, server.data, heads(server), True)
            before = under_load(server, backup, sent)
            again = os.path.join(place, "damaged")
            shutil.copytree(backup, again)
            damaged(again)
            # cut off: some files are there, no manifest
            os.unlink(os.path.join(again, "manifest"))
            shutil.copy2(os.path.join(again, "files", os.listdir(os.path.join(again, "files"))[0]),
                         os.path.join(again, "files", "incoming"))
            text = run("backup", "create", again, "--data", server.data)
            check(copied(text) < first, f"a backup that was cut off began anew: {text}")
            run("backup", "verify", again)
            roots = heads(server)
            server.stop()
            text = run("backup", "create", backup, "--data", server.data)
            check(len(sent) >= len(before), "load")
            restore(backup, key_file, sent, events, server.data, roots, False)
        print(f"backup: {len(sent)} messages, bit for bit after the restore")
    finally:
        shutil.rmtree(place, ignore_errors=True)


daybook.run(main)
