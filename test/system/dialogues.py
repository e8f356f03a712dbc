#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dialogue scripts of test/scenario against a real server: over TCP, octet by octet, and inside TLS.

What is compared: every reply, whole lines; whether the session goes on; how many messages are kept, their bytes and
envelopes. What a script sets that no endpoint can be told to do is left out, and counted by its reason.

dialogues.py [SCRIPT…]    only these, for example 101_smuggle_s01_mx
"""
import base64
import binascii
import collections
import os
import re
import socket
import sys

import daybook
from daybook import Scenario, Server, check, check_equal

FOLDER = os.path.join(daybook.ROOT, "test", "scenario")
PASSWORD = "Secret-of-inp-1"
OCTETS_MAX = 3000  # of a script that is played octet by octet
REPLY_SECONDS = 20
VARIANTS = ("plain", "octets", "tls")
KEPT = re.compile(r"250 2\.0\.0 Ok: ([a-z2-7]{26})")
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
LINE = re.compile(rb"(C|c|S)(?:\*(\d+))?: ?(.*)", re.DOTALL)
SINGLE = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
TALKING = ("mode", "size", "split", "offer-tls", "offer-auth", "require-auth", "tls-wrapped", "require-tls")
POSTMASTERS = ["Postmaster", "POSTMASTER", "postmaster"]


def condition(operator, *values):
    return [{"StringExpression": {"Evaluate": {"Attribute": "RECIPIENT"}, "Operator": operator, "Values": list(values)}}]


STATEMENTS = [
    {"Action": "DENY", "Conditions": condition("STARTS_WITH", "refused")},
    {"Action": "DENY", "Conditions": condition("CONTAINS", "%", "!", "relay.invalid")},
    {"Action": "ALLOW", "Conditions": condition("ENDS_WITH", "@example.test")},
    {"Action": "ALLOW", "Conditions": condition("EQUALS", *POSTMASTERS)},
]


def plain(text):
    """A script's escapes as octets."""
    return ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else SINGLE[m[2]], text)


class Script:
    """name, settings, and steps: (word, argument as octets)."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-2]
        self.settings, self.steps = {}, []
        with open(path, "rb") as f:
            for line in f.read().split(b"\n"):
                self.read(line)
        del self.steps[LEAVE_OUT.get(self.name, slice(0, 0))]
        self.octets = sum(len(text) for word, text in self.steps if word == "say")

    def read(self, line):
        match = LINE.fullmatch(line)
        if match:
            kind, count, text = match[1], int(match[2] or 1), plain(match[3])
            if kind == b"S":
                self.steps += [("hear", one) for _ in range(count) for one in text.split(b"\r\n")]
            else:
                self.steps.append(("say", (text + (b"\r\n" if kind == b"C" else b"")) * count))
        elif line.startswith(b"set "):
            _, key, value = line.decode().split(" ")
            self.settings[key] = value
        elif line and not line.startswith(b"#"):
            word, _, rest = line.partition(b" ")
            self.steps.append((word.decode(), rest))

    def unfit(self, variant):
        """Why it cannot be played so; None when it can."""
        words = {word for word, _ in self.steps}
        tls = self.settings.get("tls-wrapped") == "on"
        odd = [key for key in self.settings if key not in TALKING]
        odd += [word for word in ("timeout", "shutdown", "answer") if word in words]
        if odd:
            return f"an endpoint has no switch for {odd[0]}"
        if "offer-auth" in self.settings and "require-auth" not in self.settings and not tls and "tls" in words:
            return "an endpoint that offers AUTH requires it"
        if self.name in NOT_HERE:
            return NOT_HERE[self.name]
        if variant == "octets" and (self.octets > OCTETS_MAX or "split" in self.settings or tls):
            return "too long, or cut elsewhere"
        if tls != (variant == "tls") and (tls or words & {"tls"} or "offer-tls" in self.settings or
                                          "require-tls" in self.settings or self.name in CLEAR_ONLY):
            return "it is about the other side of STARTTLS"
        if variant != "tls" and self.name in TLS_ONLY:
            return "an endpoint offers STARTTLS, and the script lists what EHLO says without"
        return None


NOT_HERE = {
    "027_auth_parameter": "an endpoint that offers AUTH requires it",
    "053_starttls_injection_late": "nobody can say in how many pieces the server reads it",
    "054_starttls_not_offered": "an endpoint offers STARTTLS",
    "056_wrapped": "an endpoint has no TLS from the first octet",
    "057_certificate": "see endpoints.py",
    "058_certificate_shown": "see endpoints.py",
}
CLEAR_ONLY = {"044_tls_on_plain", "060_auth_without_tls", "071_idle_commands", "072_idle_commands_reset"}  # STARTTLS and EHLO count, too
TLS_ONLY = {"010_greeting"}
LEAVE_OUT = {"063_auth_login": slice(2, 8)}  # steps: an endpoint that offers AUTH requires it, so there is no transaction
# What the scripts' owner knows and a real one does not: a user whom nobody can judge now.
INSTEAD = {"454 4.7.0 Authentication not available now": "535 5.7.8 Authentication failed"}


class Player:
    """One session that plays one script."""

    def __init__(self, script, endpoint, variant):
        self.script, self.endpoint, self.variant = script, endpoint, variant
        self.kept, self.pending = [], collections.deque()
        host, _, port = endpoint.address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=REPLY_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        if variant == "tls":
            greeting = self.line()
            self.hello()
            self.say(b"STARTTLS\r\n")
            check_equal(self.line()[:4], "220 ", "the answer to STARTTLS")
            self.handshake()
            self.pending.append(greeting)

    def handshake(self):
        self.file.close()
        self.socket = daybook.open_tls().wrap_socket(self.socket, server_hostname="mail.test")
        self.file = self.socket.makefile("rb")

    def line(self):
        if self.pending:
            return self.pending.popleft()
        line = self.file.readline()
        check(line.endswith(b"\r\n") or not line, f"half a reply: {line!r}")
        return line[:-2].decode("utf-8", "replace")

    def say(self, octets):
        try:
            if self.variant == "octets":
                for i in range(len(octets)):
                    self.socket.sendall(octets[i:i + 1])
            else:
                self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the replies say whether it was right to hang up

    def hello(self):
        self.say(b"EHLO client.test\r\n")
        while self.line()[3:4] == "-":
            pass

    def hear(self, want):
        got = self.line()
        match = KEPT.fullmatch(got)
        if match and want == "250 2.0.0 Message kept":
            self.kept.append(match[1])
        else:
            check_equal(got, INSTEAD.get(want, want), "reply")

    def close(self):
        self.socket.settimeout(5)
        try:
            check_equal(self.file.readline(), b"", "what came where the server should hang up")
        except ConnectionResetError:
            pass

    def step(self, word, text):
        if word == "say":
            self.say(self.endpoint.translate(text) if "offer-auth" in self.script.settings else text)
        elif word == "hear":
            self.hear(text.decode())
        elif word == "hello":
            self.hello()
        elif word == "tls":
            self.handshake()
        elif word == "open":
            self.say(b"NOOP\r\n")
            self.hear("250 2.0.0 OK")
        elif word == "close":
            self.close()
        elif word == "stored":
            check_equal(len(self.kept), int(text), "messages kept")
        elif word in ("message", "length"):
            number, _, rest = text.partition(b" ")
            content = self.endpoint.content(self.kept[int(number) - 1])
            if word == "message":
                check(content == plain(rest), f"message {int(number)} is {content[:200]!r}, want {plain(rest)[:200]!r}")
            else:
                check_equal(len(content), int(rest), f"length of message {int(number)}")
        elif word in ("from", "to"):
            number, _, rest = text.partition(b" ")
            self.endpoint.expected.append((self.script.name, self.kept[int(number) - 1], word, plain(rest).decode()))
        else:
            check(word in ("flags", "aborted"), f"{self.script.name}: what is {word}?")

    def play(self):
        try:
            for word, text in self.script.steps:
                self.step(word, text)
        except (daybook.Failure, OSError, IndexError) as e:
            raise daybook.Failure(f"{self.script.name}, {self.variant}, {self.endpoint.name}: {word} "
                                  f"{text[:80]!r}: {e}") from None
        finally:
            self.file.close()
            self.socket.close()
        return self.kept


class Endpoint:
    """An ingress point for one set of settings, and what it kept."""

    def __init__(self, server, address, name, mode, size, auth):
        self.server, self.address, self.name = server, address, name
        api = server.api
        self.scenario = Scenario(api, listen=address, kind="AUTH" if auth else "OPEN", name=name, statements=STATEMENTS,
                                 configuration={"SmtpPassword": PASSWORD} if auth else None, mode=mode)
        if size:
            api.call("UpdateTrafficPolicy", TrafficPolicyId=self.scenario.policy, MaxMessageSizeBytes=size)
            daybook.wait_for("the size limit is in force", lambda: self.offers(f"SIZE {size}"))
        self.kept, self.expected = [], []

    def offers(self, extension):
        smtp = daybook.Smtp(self.address)
        smtp.close()
        return extension in smtp.extensions

    def translate(self, text):
        """The scripts' user and password, in base64, are this endpoint's."""
        def change(match):
            try:
                words = base64.b64decode(match[0], validate=True)
            except binascii.Error:
                return match[0]
            words = words.replace(b"inp-1", self.scenario.endpoint.encode()).replace(b"secret", PASSWORD.encode())
            return base64.b64encode(words)
        return re.sub(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{7,}={0,2}(?=\r\n)", change, text)

    def content(self, key):
        link = self.scenario.api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
        status, content = daybook.download(link, self.server.http)
        check_equal(status, 200, "status of the download")
        return content

    def settle(self):
        """Nothing is kept but what a reply named, and the envelopes are those of the scripts."""
        rows = {row["ArchivedMessageId"]: row for row in self.scenario.search()}
        if len(rows) < 1000:
            check_equal(sorted(rows), sorted(self.kept), f"messages kept by {self.name}")
        counts = self.server.api.call("Daybook.GetStatus")["Archives"]
        count = [a["Messages"] for a in counts if a["ArchiveId"] == self.scenario.archive]
        check_equal(count, [len(self.kept)], f"messages of {self.name} by status")
        for script, key, word, want in self.expected:
            envelope = self.scenario.api.call("GetArchiveMessage", ArchivedMessageId=key)["Envelope"]
            got = envelope.get("From", "") if word == "from" else " ".join(envelope["To"])
            check_equal(got, want, f"{script}: {word} of the envelope")


class Stage:
    """Endpoints, made when a script wants them."""

    def __init__(self, server):
        self.server, self.endpoints = server, {}
        self.addresses = list(server.smtp)

    def endpoint(self, mode, settings):
        size, auth = int(settings.get("size", 0)), "offer-auth" in settings
        key = (mode, size, auth, settings.get("require-tls", "off"))
        if key not in self.endpoints:
            name = f"{mode}-{size}" + ("-auth" if auth else "") + ("-tls" if key[3] == "on" else "")
            self.endpoints[key] = Endpoint(self.server, self.addresses.pop(), name, mode, size, auth)
            if key[3] == "on":
                self.server.api.call("UpdateIngressPoint", IngressPointId=self.endpoints[key].scenario.endpoint,
                                     TlsPolicy="REQUIRED")
        return self.endpoints[key]


def main():
    names = sys.argv[1:] or sorted(name[:-2] for name in os.listdir(FOLDER) if name.endswith(".t"))
    played, left_out, never = collections.Counter(), collections.Counter(), []
    with Server(smtp_count=10) as server:
        stage = Stage(server)
        for script in (Script(os.path.join(FOLDER, name + ".t")) for name in names):
            before = played.total()
            for variant in VARIANTS:
                why = script.unfit(variant)
                for mode in [script.settings["mode"]] if "mode" in script.settings else ["journal", "mx"]:
                    if why is None:
                        endpoint = stage.endpoint(mode, script.settings)
                        endpoint.kept += Player(script, endpoint, variant).play()
                        played[variant] += 1
            if played.total() == before:
                never.append(script.name)
                left_out[why] += 1
        for endpoint in stage.endpoints.values():
            endpoint.settle()
    for why, count in left_out.most_common():
        print(f"left out: {count} scripts: {why}")
    print(f"dialogues: {len(names) - len(never)} of {len(names)} scripts, {dict(played)}, replies, bytes and envelopes as written")
    check(sys.argv[1:] or len(names) - len(never) > 80, "hardly anything was played")


daybook.run(main)
