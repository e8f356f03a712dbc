#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a stranger can check: a message against its proof, an export against the log's key, two heads of a log against each
other, and the files of the log over HTTP. Each of them once as it is, and changed."""
import base64
import json
import os
import shutil
import subprocess

import daybook
import witness_server
from daybook import PROGRAM, Scenario, Server, Smtp, check, check_equal

DONE, USAGE, NOT_FOUND, DAMAGED, CONFLICT = 0, 2, 4, 8, 10
FIRST, SECOND = 300, 40


def command(*words, code=DONE):
    done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)
    check_equal(done.returncode, code, f"exit code of daybook {' '.join(words)} ({done.stderr.decode().strip()})")
    return done.stdout


def send(server, count, sent):
    smtp = Smtp(server.smtp[0])
    for _ in range(count):
        message = daybook.simple_message(f"message {len(sent)}", os.urandom(500).hex() + "\r\n")
        sent[smtp.send(message)] = message
    smtp.close()


def seal(server):
    """Whatever waits in the log goes into packs."""
    server.api.call("Daybook.PrepareBackup")


def write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def root_of(checkpoint):
    """(leaves, root) of a checkpoint's text (C2SP tlog-checkpoint)."""
    lines = checkpoint.decode().splitlines()
    return int(lines[1]), base64.b64decode(lines[2])


def served(server, scenario, head):
    """The log's files over HTTP are those that proofs are made of."""
    base = f"/proof/{scenario.archive}"
    status, checkpoint = daybook.download(f"{base}/checkpoint", server.http)
    check_equal((status, checkpoint), (200, head), "the checkpoint")
    size, _ = root_of(head)
    check_equal([len(daybook.download(f"{base}/tile/{tile}", server.http)[1]) for tile in
                 ("0/000", f"0/001.p/{size - 256}", "1/000.p/1")], [8192, 32 * (size - 256), 32], "bytes of the tiles")
    for path in ("key", "vkey", "tile/0/002", "tile/0/../../key", "%2e%2e/key", ""):
        check_equal(daybook.download(f"{base}/{path}", server.http)[0], 404, f"status of {path}")
    check_equal(daybook.download("/proof/a-nothing/checkpoint", server.http)[0], 404, "status of an archive that is not there")


def messages(server, sent, key, other_key):
    """A message and its proof agree; nothing else does."""
    ids = list(sent)
    proofs = {}
    for one in (ids[0], ids[255], ids[256], ids[-1]):
        content = command("show", one, "--raw", "--data", server.data)
        check(content == sent[one], "show --raw is what was sent")
        proofs[one] = command("proof", "inclusion", one, "--data", server.data)
        mail = write(server.home, "m.eml", content)
        proof = write(server.home, "m.proof", proofs[one])
        command("verify", mail, "--proof", proof, "--log-key", key)
        changed = write(server.home, "changed.eml", content.replace(b"Subject: message", b"Subject: massage"))
        check(open(changed, "rb").read() != content, "the message was changed")
        command("verify", changed, "--proof", proof, "--log-key", key, code=DAMAGED)
        command("verify", mail, "--proof", proof, "--log-key", other_key, code=DAMAGED)
    strange = write(server.home, "strange.proof", proofs[ids[255]])
    command("verify", write(server.home, "m.eml", sent[ids[0]]), "--proof", strange, "--log-key", key, code=DAMAGED)
    command("proof", "inclusion", "2222222222222222222222222a", "--data", server.data, code=NOT_FOUND)


def growth(server, sent, old):
    """An old head and the present one: consistent; not after a change."""
    send(server, SECOND, sent)
    last = list(sent)[-1]
    command("proof", "inclusion", last, "--data", server.data, code=CONFLICT)  # it waits
    seal(server)
    lines = command("proof", "consistency", write(server.home, "old", old), "--data", server.data).decode().split("\n")
    end = lines.index("")
    size, root = root_of(old)
    check_equal(lines[0], f"old {size}", "the first line")
    path = [base64.b64decode(line) for line in lines[1:end]]
    new = "\n".join(lines[end + 1:]).encode()
    check_equal(new, command("proof", "head", "--checkpoint", "--data", server.data), "the checkpoint it leads to")
    new_size, new_root = root_of(new)
    check_equal(new_size, size + SECOND, "leaves")
    check(witness_server.consistent(size, root, new_size, new_root, path), "the proof holds")
    check(not witness_server.consistent(size, bytes(32), new_size, new_root, path), "it does not hold for another root")
    command("proof", "consistency", str(new_size + 1), "--data", server.data, code=USAGE)


def export(server, scenario, count, key, other_key):
    name = scenario.export("s3://proofs/out")
    folder = os.path.join(server.exported("s3://proofs/out"), name)
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    check_equal(manifest["Count"], count, "messages in the export")
    command("verify", folder, "--log-key", key)
    command("verify", folder, "--log-key", other_key, code=DAMAGED)
    copy = os.path.join(server.home, "copy")
    shutil.copytree(folder, copy)
    path = os.path.join(copy, manifest["Messages"][7]["File"])
    with open(path, "rb") as file:
        content = bytearray(file.read())
    content[100] ^= 1
    os.chmod(path, 0o600)
    write(copy, manifest["Messages"][7]["File"], bytes(content))
    command("verify", copy, "--log-key", key, code=DAMAGED)


def main():
    sent = {}
    with Server() as server:
        scenario = Scenario(server.api)
        other = server.api.call("CreateArchive", ArchiveName="other")["ArchiveId"]
        send(server, FIRST, sent)
        seal(server)
        name = ("--archive", scenario.archive, "--data", server.data)
        key = command("proof", "head", "--key", *name).decode().strip()
        other_key = command("proof", "head", "--key", "--archive", other, "--data", server.data).decode().strip()
        head = command("proof", "head", "--checkpoint", *name)
        check_equal(root_of(head)[0], FIRST, "leaves")
        served(server, scenario, head)
        messages(server, sent, key, other_key)
        server.api.call("DeleteArchive", ArchiveId=other)
        growth(server, sent, head)
        export(server, scenario, FIRST + SECOND, key, other_key)
    print("messages, heads, files and an export are proved as they are, and not when they are changed")


daybook.run(main)
