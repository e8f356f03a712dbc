#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real mail and nasty mail through SMTP, and back by export: SHA-256 equal for all, before and after sealing.

6,046 messages of the SpamAssassin corpus (npm, see package.json), samples that parsers choke on (DAYBOOK_SAMPLES, where
there are any), and a nasty set made here. Half goes by DATA, half by BDAT, pipelined, over several connections.
"""
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
import daybook  # noqa: E402  (its folder is known only now)
from daybook import JOURNAL, Scenario, Server, Smtp, check, check_equal, kept_id, sha256, stuffed  # noqa: E402

REAL = os.path.join(HERE, "node_modules", "@stdlib", "datasets-spam-assassin", "data")
REAL_COUNT = 6046
CONNECTIONS = 8
BDAT_WINDOW = 4
SEAL_SECONDS = 120


def crlf(text):
    """Every line end as CRLF; what is no line end stays."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def real_mail():
    """(name, bytes) of each message of the corpus."""
    if not os.path.isdir(REAL):
        raise daybook.Skip("npm ci in test/conform was not run")
    for folder in sorted(os.listdir(REAL)):
        path = os.path.join(REAL, folder)
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                if name.endswith(".txt"):
                    with open(os.path.join(path, name), "rb") as f:
                        yield f"{folder}/{name}", crlf(f.read())


def samples():
    """(name, bytes) of each sample, as it is and with CRLF."""
    base = os.environ.get("DAYBOOK_SAMPLES", "")
    for folder, _, names in sorted(os.walk(base)):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as f:
                content = f.read()
            yield name, content
            if crlf(content) != content:
                yield name + " with CRLF", crlf(content)


def nasty():
    """(name, bytes): what breaks archives."""
    head = b"From: a@example.test\r\nTo: b@example.test\r\nSubject: nasty\r\n"
    same = head + b"Message-ID: <same@example.test>\r\n\r\n"
    return [
        ("no Message-ID", head + b"\r\nbody\r\n"),
        ("a Message-ID", same + b"one body\r\n"),
        ("the same Message-ID, other bytes", same + b"other body\r\n"),
        ("unterminated multipart", head + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
         b"--x\r\nContent-Type: text/plain\r\n\r\nthere is no end\r\n"),
        ("multipart without boundary", head + b"Content-Type: multipart/mixed\r\n\r\n--\r\n\r\n----\r\n"),
        ("NUL", b"Subject: a\0b\r\n\r\n\0\0\r\n"),
        ("bare CR", b"Subject: a\rb\r\n\r\nx\ry\r\r\nz\r\n"),
        ("bare LF", b"Subject: a\nb: c\n\nx\ny\r\n"),
        ("ends that are none", head + b"\r\na\n.\nb\r.\rc\n.\r\nd\r\n.\ne\r\n.\re\r\n..\r\nf\r\n"),
        ("dots", b".\r\n..\r\n...\r\n.a\r\n"),
        ("8-bit headers", b"Subject: \xe4\xf6\xfc \xff\xfe\r\nFrom: \x80 <a@example.test>\r\n\r\n\xc3\x28\r\n"),
        ("140 KB header", head + b"X-Long: " + b"a" * 140_000 + b"\r\n\r\nbody\r\n"),
        ("140 KB folded header", head + b"X-Folded:" + b"\r\n word" * 23_000 + b"\r\n\r\nbody\r\n"),
        ("header only", head),
        ("header only and no blank line end", head + b"X"),
        ("empty", b""),
        ("one line end", b"\r\n"),
        ("one octet", b"x"),
        ("no final CRLF", head + b"\r\nthe last line does not end"),
        ("final CR", head + b"\r\nthe last line half ends\r"),
        ("line of 20,000 octets", head + b"\r\n" + b"0123456789" * 2000 + b"\r\n"),
        ("line of a million octets", head + b"\r\n" + b"0123456789" * 100_000 + b"\r\n"),
        ("10,000 headers", b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(10_000)) + b"\r\nbody\r\n"),
        ("deep multipart", head + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
                                           for i in range(300)) + b"\r\nat the bottom\r\n"),
        ("broken base64", head + b"Content-Transfer-Encoding: base64\r\n\r\nQUJ!D==RA=\r\n=\r\n"),
        ("every octet", head + b"\r\n" + bytes(range(256)) * 3 + b"\r\n"),
    ]


class Sender:
    """One connection: everything pipelined that may be. `kept` maps the ids of the 250 replies to names."""

    def __init__(self, address, mail):
        self.smtp = Smtp(address, timeout=60)
        self.mail, self.kept, self.owed = mail, {}, []
        self.error = None

    def settle(self):
        """Reads the replies that are due."""
        for replies, name in self.owed:
            for _ in range(replies):
                self.smtp.expect(250)
            try:
                self.kept[kept_id(self.smtp.expect(250))] = name
            except daybook.Failure as e:
                raise daybook.Failure(f"{name}: {e}") from None
        self.owed = []

    def run(self):
        try:
            self.send_all()
        except (daybook.Failure, OSError) as e:
            self.error = e
        finally:
            self.smtp.close()

    def send_all(self):
        start = f"MAIL FROM:<sender@example.test> BODY=8BITMIME\r\nRCPT TO:<{JOURNAL}>\r\n".encode()
        rest = b""
        for name, message, bdat in self.mail:
            if bdat:
                self.smtp.socket.sendall(rest + start + b"BDAT %d LAST\r\n" % len(message) + message)
                rest = b""
                self.owed.append((2, name))
                if len(self.owed) >= BDAT_WINDOW:
                    self.settle()
            else:
                self.smtp.socket.sendall(rest + start + b"DATA\r\n")
                self.settle()
                for code in (250, 250, 354):
                    self.smtp.expect(code)
                rest = stuffed(message)
                self.owed = [(0, name)]
        if rest:
            self.smtp.socket.sendall(rest)
        self.settle()


def send(address, mail):
    """{id: name} of everything that was acknowledged, which must be everything."""
    senders = [Sender(address, mail[i::CONNECTIONS]) for i in range(CONNECTIONS)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = {}
    for sender in senders:
        if sender.error is not None:
            raise daybook.Failure(f"sending: {sender.error}")
        kept.update(sender.kept)
    check_equal(len(kept), len(mail), "different ids in the replies")
    return kept


def compare(scenario, server, kept, want, when):
    """Exports everything; every digest must be that of what was sent under this id."""
    began = time.monotonic()
    location = "s3://corpus/" + when.replace(" ", "-")
    name = scenario.export(location, seconds=170)
    manifest, digests = daybook.read_export(os.path.join(server.exported(location), name))
    wrong = [f"{kept[key]} ({key})" for key in kept if digests.get(key) != want[kept[key]]]
    check(not wrong, f"{len(wrong)} messages differ or are missing {when}, among them {wrong[:5]}")
    check_equal(len(digests), len(kept), "messages in the export")
    print(f"corpus: {len(digests)} messages, {manifest['Bytes']} bytes, equal {when}"
          f" ({time.monotonic() - began:.1f} s)")


def gather():
    """[(name, bytes, by BDAT)], and whether samples are among them."""
    mail = []
    for name, content in real_mail():
        late = len(mail) >= REAL_COUNT // 2 or not content.endswith(b"\r\n")
        mail.append((name, content, late))
    check_equal(len(mail), REAL_COUNT, "messages of the corpus")
    others = list(samples())
    for name, content in others:
        mail.append((name + " by BDAT", content, True))
        if content.endswith(b"\r\n"):
            mail.append((name + " by DATA", content, False))
    for name, content in nasty():
        mail.append((name + " by BDAT", content, True))
        mail.append((name + " by BDAT again", content, True))
        if content.endswith(b"\r\n") or not content:
            mail.append((name + " by DATA", content, False))
    return mail, len(others)


def main():
    mail, sample_count = gather()
    if not sample_count:
        print("no samples: DAYBOOK_SAMPLES names no folder with any")
    names = {name: sha256(content) for name, content, _ in mail}
    check_equal(len(names), len(mail), "different names")
    with Server(config={"archive.seal-minutes": 1}) as server:
        scenario = Scenario(server.api)
        began = time.monotonic()
        kept = send(server.smtp[0], mail)
        seconds = time.monotonic() - began
        by_bdat = sum(1 for _, _, bdat in mail if bdat)
        print(f"corpus: {len(kept)} acknowledged, {by_bdat} by BDAT, {sample_count} samples, in {seconds:.1f} s"
              f" ({len(kept) / seconds:.0f}/s)")
        compare(scenario, server, kept, names, "at once")
        daybook.wait_for("everything is sealed", lambda: server.api.call("Daybook.GetStatus")["Archives"][0]
                         ["UnsealedMessages"] == 0, SEAL_SECONDS)
        server.stop()
        server.start()
        scenario.api = server.api
        compare(scenario, server, kept, names, "sealed")
        status = server.api.call("Daybook.GetStatus")["Archives"][0]
        check_equal(status["Messages"], len(kept), "messages by status")
        server.stop()
        check_equal(server.verify()[0], len(kept), "messages that verify checked")
        print(f"corpus: {status['StoredBytes']} bytes stored for {status['MessageBytes']}")


daybook.run(main)
