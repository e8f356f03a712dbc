#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Witnesses: one that cosigns, a file, a URL, a mailbox. Then one that knows better, several that lie, and a log that was
put back and grew another way, which the witness refuses."""
import base64
import email
import email.policy
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import daybook
from daybook import PROGRAM, Scenario, Server, Smtp, check, check_equal
from witness_server import Witness, split_note

INTEGRITY, FAILED, CONFIGURATION = 8, 1, 7


def run(*args, code=0, **more):
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False, **more)
    check_equal(done.returncode, code, f"daybook {' '.join(args)}: {done.stdout[-2000:]}")
    return done.stdout


class Mailbox:
    """A smarthost that takes everything."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://localhost:{self.socket.getsockname()[1]}"
        self.mails = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer, peer.makefile("rwb", buffering=0) as stream:
                stream.write(b"220 box.test\r\n")
                envelope = []
                for line in stream:
                    verb = line.strip().upper()
                    if verb.startswith(b"DATA"):
                        stream.write(b"354 go on\r\n")
                        lines = []
                        for part in stream:
                            if part == b".\r\n":
                                break
                            lines.append(part)
                        self.mails.append((envelope, b"".join(lines)))
                        stream.write(b"250 kept\r\n")
                    elif verb.startswith(b"QUIT"):
                        stream.write(b"221 bye\r\n")
                        break
                    else:
                        envelope.append(line.strip().decode())
                        stream.write(b"250 yes\r\n")

    def close(self):
        self.socket.close()


def send(server, count):
    smtp = Smtp(server.smtp[0])
    kept = []
    for i in range(count):
        message = daybook.simple_message(f"message {i}", os.urandom(500).hex() + "\r\n")
        kept.append((smtp.send(message), message))
    smtp.close()
    server.api.call("Daybook.PrepareBackup")  # seals
    return kept


def states(server, code=0):
    text = run("proof", "witness", "--data", server.data, "--format", "json", code=code)
    return {w["Name"]: w for w in json.loads(text)}


def wait_states(server, what, probe, code=0):
    def look():
        found = {w["Name"]: w for w in server.api.call("Daybook.ListWitnesses")["Witnesses"]}
        return probe(found)
    daybook.wait_for(what, look, 20)
    return states(server, code)


def everybody(server, witness, mailbox, home, archive):
    """All four kinds see what is sealed."""
    kept = send(server, 5)
    found = wait_states(server, "everybody saw five leaves", lambda s: all(w["Leaves"] == 5 for w in s.values()))
    check_equal(sorted(found), ["box", "disk", "keeper", "wit"], "the witnesses")
    check(found["wit"]["SignedHead"] and not found["wit"]["Refused"], f"the witness signed: {found['wit']}")
    note = run("proof", "head", "--checkpoint", "--data", server.data)
    check(witness.signed_by(note), f"the checkpoint carries no signature of the witness: {note}")
    check("other.example" not in note, "a signature that nobody asked for was kept")
    text = split_note(note)[0]
    for path in (os.path.join(home, "kept", f"{archive}.txt"), os.path.join(server.data, "witness", archive, "wit")):
        with open(path, encoding="utf-8") as f:
            check_equal(split_note(f.read())[0], text, path)
    check_equal(split_note(witness.plain[-1])[0], text, "what was posted")
    envelope, mail = mailbox.mails[-1]
    check("RCPT TO:<notary@example.test>" in envelope, f"envelope: {envelope}")
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    check("5 leaves" in parsed["Subject"] and "Date" in parsed and "Message-ID" in parsed, f"headers: {parsed.items()}")
    check_equal(split_note(parsed.get_payload(decode=True).decode())[0], text, "what was mailed")
    return kept


def offline(server, witness, kept, home):
    """daybook verify looks for the witness's signature in the proof's checkpoint."""
    key = run("proof", "head", "--key", "--data", server.data).strip()
    message, proof = os.path.join(home, "m.eml"), os.path.join(home, "m.proof")
    with open(message, "wb") as f:
        f.write(kept[0][1])
    with open(proof, "w", encoding="utf-8") as f:
        f.write(run("proof", "inclusion", kept[0][0], "--data", server.data))
    words = ["verify", message, "--proof", proof, "--log-key", key]
    text = run(*words, "--witness-key", witness.key)
    check(f"cosigned by {witness.name}" in text, f"verify: {text}")
    other = Witness("other.example/w", b"\5" * 32)
    text = run(*words, "--witness-key", other.key, code=INTEGRITY)
    check("not signed by other.example/w" in text, f"a witness that did not sign: {text}")
    other.close()
    run(*words, "--witness-key", key, code=2)  # a log's key is none
    run(*words)


def knows_better(server, witness, archive):
    """What is remembered is only a hint: the witness is asked, and answers 409."""
    server.stop()
    shutil.rmtree(os.path.join(server.data, "witness"))
    witness.statuses.clear()
    server.start()
    send(server, 3)
    wait_states(server, "the witness saw eight leaves", lambda s: s["wit"]["Leaves"] == 8 and s["wit"]["SignedHead"])
    answers = [s for s in witness.statuses if s != 204]
    check(409 in answers and answers[-1] == 200, f"answers: {answers}")
    check(os.path.exists(os.path.join(server.data, "witness", archive, "wit")), "what it saw is on disk")


def lies(server, witness):
    leaves = 8
    for wrong, words in (("busy", "503"), ("key", "not its own"), ("text", "not its own"), ("garbage", ""), ("long", "")):
        witness.wrong = wrong
        send(server, 1)
        leaves += 1
        found = wait_states(server, f"a witness that lies: {wrong}", lambda s: "LastError" in s["wit"]
                            and s["wit"]["BehindLeaves"] > 0, code=FAILED)["wit"]
        check(words in found["LastError"] and not found["SignedHead"] and not found["Refused"], f"{wrong}: {found}")
        check_equal(witness.signed_by(run("proof", "head", "--checkpoint", "--data", server.data)), None, wrong)
        witness.wrong = None
        found = wait_states(server, f"well again after {wrong}", lambda s: s["wit"]["Leaves"] == leaves
                            and "LastError" not in s["wit"])["wit"]
        check(found["SignedHead"], f"after {wrong}: {found}")
    witness.logs, logs = {}, witness.logs
    send(server, 1)
    found = wait_states(server, "a witness that does not know the log", lambda s: "LastError" in s["wit"], code=FAILED)
    check("does not know this log" in found["wit"]["LastError"], f"404: {found}")
    witness.logs = logs
    wait_states(server, "it does", lambda s: "LastError" not in s["wit"])
    return leaves + 1


def put_back(server, witness, home, leaves):
    """The data directory is put back, and mail comes that did not come before: the witness saw another log."""
    server.stop()
    earlier = os.path.join(home, "earlier")
    shutil.copytree(server.data, earlier, ignore=shutil.ignore_patterns("run"))
    server.start()
    send(server, 4)
    wait_states(server, "the log before the accident", lambda s: s["wit"]["Leaves"] == leaves + 4)
    server.stop()
    shutil.rmtree(server.data)
    os.rename(earlier, server.data)
    server.start()
    send(server, 2)
    found = wait_states(server, "it is behind what was seen", lambda s: s["wit"]["Refused"], code=INTEGRITY)["wit"]
    check("put back" in found["LastError"], f"a log that is behind: {found}")
    send(server, 2)
    found = wait_states(server, "another log of the same size", lambda s: s["wit"]["Refused"]
                        and "another log of" in s["wit"].get("LastError", ""), code=INTEGRITY)["wit"]
    send(server, 3)
    found = wait_states(server, "a larger log that forked", lambda s: "not the beginning" in s["wit"].get("LastError", ""),
                        code=INTEGRITY)["wit"]
    check(422 in witness.statuses and not found["SignedHead"], f"fork: {found}")
    text = run("status", "--data", server.data, code=INTEGRITY)
    check("TROUBLE: witness wit" in text, f"status: {text}")
    check("REFUSED" in server.log(), "the log says so")


def configuration(home):
    path = os.path.join(home, "wrong.conf")
    for lines, words in (
            ("type = cosing", "type must be one of"),
            ("type = cosign\nurl = https://w.example", "key is missing"),
            ("type = post\nurl = ftp://w.example", "url must begin with"),
            ("type = file\nfile = /tmp/x", "must hold {archive}"),
            ("type = mail\nto = a@b.example", "smarthost is missing"),
            ("type = mail\nto = nobody\nsmarthost = smtp://h", "must be an address"),
            ("type = post\nurl = https://w.example\nintervall = 5", 'did you mean "interval"'),
            ("type = post\nurl = https://w.example\nto = a@b.example", "has no meaning")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"[server]\ndata = {home}/d\n[witness.w]\n{lines}\n")
        done = subprocess.run([PROGRAM, "config", "check", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=20, check=False)
        check(done.returncode in (CONFIGURATION, 2) and words in done.stdout, f"{lines!r}: {done.returncode} {done.stdout}")


def walls(server):
    """The core still opens no connection: who does has no file of the data directory."""
    check_equal(sorted(server.roles()), ["core", "courier", "http", "smtp"], "processes")
    lines = [line for line in server.log().splitlines() if " courier info: walls: " in line]
    check(lines and "do not open" in lines[-1], f"the courier's walls: {lines}")


def main():
    home = tempfile.mkdtemp(prefix="daybook-test-")
    witness, mailbox = Witness("witness.example/w1"), Mailbox()
    try:
        configuration(home)
        server = Server(directory=home, config={
            "witness.wit.type": "cosign", "witness.wit.url": witness.url + "/", "witness.wit.key": witness.key,
            "witness.wit.interval": 1, "witness.keeper.type": "post", "witness.keeper.url": witness.url + "/keep",
            "witness.keeper.interval": 1, "witness.disk.type": "file", "witness.disk.file": home + "/kept/{archive}.txt",
            "witness.disk.interval": 1, "witness.box.type": "mail", "witness.box.to": "notary@example.test",
            "witness.box.smarthost": mailbox.url, "witness.box.interval": 1})
        with server:
            scenario = Scenario(server.api)
            witness.knows(run("proof", "head", "--key", "--data", server.data))
            walls(server)
            kept = everybody(server, witness, mailbox, home, scenario.archive)
            offline(server, witness, kept, home)
            knows_better(server, witness, scenario.archive)
            leaves = lies(server, witness)
            put_back(server, witness, home, leaves)
        print(f"witness: {leaves} leaves cosigned, a fork refused")
    finally:
        witness.close()
        mailbox.close()
        shutil.rmtree(home, ignore_errors=True)


daybook.run(main)
