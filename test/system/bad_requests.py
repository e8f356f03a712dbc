#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong HTTP requests to a real server: refused by the right name, always as JSON, and nothing done.

bad_requests.py [--seed N]
"""
import json
import random
import socket
import sys
import time

import daybook
from daybook import Server, check, check_equal, signature_headers

MUTATIONS = 1000
TARGET = "MailManagerSvc.CreateArchive"
FAR_SECONDS = 360  # past the five minutes that are tolerated


def exchange(address, octets):
    """(status, headers, body) of the answer to these octets, on a connection of their own; None without an answer."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as s:
        try:
            s.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass
        text = b""
        try:
            while b"\r\n\r\n" not in text or len(text.partition(b"\r\n\r\n")[2]) < length(text):
                part = s.recv(65536)
                if not part:
                    break
                text += part
        except ConnectionResetError:
            pass
    if not text:
        return None
    head, _, body = text.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    return int(lines[0].split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines[1:]), body


def length(text):
    for line in text.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            return int(line[16:])
    return 0


def request(headers, body, line="POST / HTTP/1.1"):
    lines = [line, f"content-length: {len(body)}"] + [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Requests:
    def __init__(self, server):
        self.address = server.http
        self.key, self.secret = server.credentials()

    def signed(self, name, body=None, target=TARGET, now=None, secret=None, key=None):
        body = json.dumps({"ArchiveName": name}).encode() if body is None else body
        return signature_headers(self.address, target, body, key or self.key, secret or self.secret, now), body

    def refused(self, what, octets, status, name=None):
        answer = exchange(self.address, octets)
        check(answer is not None, f"{what}: no answer")
        check(answer[0] in (status if isinstance(status, tuple) else (status,)), f"{what}: {answer}, want {status}")
        check_equal(answer[1].get("content-type"), "application/x-amz-json-1.0", f"{what}: content type")
        fault = json.loads(answer[2])["__type"].rpartition("#")[2]
        check(name is None or fault == name, f"{what}: {fault}, want {name}")


def signatures(r):
    headers, body = r.signed("never")
    bare = {name: value for name, value in headers.items() if name != "authorization"}
    r.refused("no Authorization", request(bare, body), 403, "MissingAuthenticationTokenException")
    r.refused("unknown key", request(*r.signed("never", key="AKIDNOBODY")), 403, "UnrecognizedClientException")
    r.refused("wrong secret", request(*r.signed("never", secret="x" * 40)), 403, "InvalidSignatureException")
    for seconds in (FAR_SECONDS, -FAR_SECONDS):
        r.refused(f"{seconds} s off", request(*r.signed("never", now=time.time() + seconds)), 403, "InvalidSignatureException")
    authorization = headers["authorization"]
    for what, old, new in (("other service", "/ses/", "/s3/"), ("other terminator", "aws4_request", "aws5_request"),
                           ("other region", "/us-east-1/", "/eu-west-1/"), ("host not signed", ";host;", ";")):
        check(old in authorization, f"{what}: nothing to change")
        r.refused(what, request(dict(headers, authorization=authorization.replace(old, new)), body), 403)
    r.refused("a header that is not signed", request(dict(headers, **{"x-amz-tenant": "other"}), body), 403, "AccessDeniedException")
    r.refused("another body", request(headers, body.replace(b"never", b"nevER")), 403, "InvalidSignatureException")
    r.refused("the hash of another body", request(dict(headers, **{"x-amz-content-sha256": "0" * 64}), body), (400, 403))
    r.refused("unsigned payload", request(dict(headers, **{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}), body), 403)
    twice = request(headers, body).replace(b"\r\n\r\n", f"\r\nauthorization: {authorization}\r\n\r\n".encode(), 1)
    r.refused("two Authorization headers", twice, (400, 403))
    r.refused("in the query, too", request(headers, body, "POST /?X-Amz-Signature=0 HTTP/1.1"), (400, 403, 404))


def bodies(r):
    for what, text in (("no JSON", b"{"), ("an array", b"[]"), ("another type", b'{"ArchiveName":5}'),
                       ("nested too deep", b'{"ArchiveName":' * 5000), ("no UTF-8", b'{"ArchiveName":"\xff\xfe"}'),
                       ("a lone surrogate", b'{"ArchiveName":"\\ud800"}'), ("1e999", b'{"PageSize":1e999}')):
        target = "MailManagerSvc.ListArchives" if b"PageSize" in text else TARGET
        r.refused(what, request(*r.signed("", body=text, target=target)), 400)
    r.refused("unknown operation", request(*r.signed("", body=b"{}", target="MailManagerSvc.Nothing")), 404,
              "UnknownOperationException")
    r.refused("a name that is none", request(*r.signed("no spaces, please")), 400, "ValidationException")


def framing(r):
    headers, body = r.signed("never")
    good = request(headers, body)
    size = f"content-length: {len(body)}".encode()
    for what, old, new, status in (
            ("length and chunks", size, size + b"\r\ntransfer-encoding: chunked", 400), ("two lengths", size, size + b"\r\n" + size[:-1] + b"9", 400),
            ("unknown coding", size, b"transfer-encoding: chunked, x", (400, 501)), ("length that is none", size, b"content-length: -1", 400),
            ("length of 2^64", size, b"content-length: 18446744073709551616", (400, 413)), ("space before the colon", b"host:", b"host :", 400),
            ("folded header", b"x-amz-date: ", b"x-amz-date:\r\n ", 400), ("bare LF", b"\r\nhost", b"\nhost", 400),
            ("NUL in a header", b"host: ", b"host: \0", 400), ("no host", f"host: {r.address}\r\n".encode(), b"", 400),
            ("header of 64 KiB", b"host:", b"x-long: " + b"a" * 65536 + b"\r\nhost:", 431),
            ("1,000 headers", b"host:", b"x-a: b\r\n" * 1000 + b"host:", 431),
            ("target of 32 KiB", b"POST / ", b"POST /" + b"a" * 32768 + b" ", 414),
            ("body of 100 MB", size, b"content-length: 100000000", 413),
            ("path that climbs", b"POST / ", b"POST /%2e%2e/admin ", (400, 403, 404)), ("two slashes", b"POST / ", b"POST // ", (400, 403, 404)),
            ("NUL in the path", b"POST / ", b"POST /%00 ", (400, 403, 404))):
        check(old in good, f"{what}: nothing to change")
        r.refused(what, good.replace(old, new, 1), status)


def mutations(r, dice):
    """One octet of what is signed is another: never let in."""
    for i in range(MUTATIONS):
        headers, body = r.signed("never")
        name = dice.choice(["authorization", "x-amz-date", "x-amz-target", "host", "content-type", "body"])
        text = body if name == "body" else headers[name].encode()
        at = dice.randrange(len(text))
        octet = dice.choice([c for c in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789/;=+-." if bytes([c]).lower() != text[at:at + 1].lower()])
        changed = text[:at] + bytes([octet]) + text[at + 1:]
        if name == "body":
            body = changed
        else:
            headers = dict(headers, **{name: changed.decode()})
        answer = exchange(r.address, request(headers, body))
        check(answer is not None and 400 <= answer[0] < 500, f"mutation {i}, {name} {changed!r}: {answer}")
        check("__type" in json.loads(answer[2]), f"mutation {i}: {answer}")


def main():
    seed = int(sys.argv[2]) if sys.argv[1:2] == ["--seed"] else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}: bad_requests.py --seed {seed}")
    with Server() as server:
        r = Requests(server)
        check_equal(exchange(r.address, request(*r.signed("control")))[0], 200, "status of a good request")
        signatures(r)
        bodies(r)
        framing(r)
        mutations(r, random.Random(seed))
        names = [a["ArchiveName"] for a in server.api.call("ListArchives")["Archives"]]
        check_equal(names, ["control"], "archives that were made")
    print(f"bad requests: wrong signatures, bodies and framing, {MUTATIONS} mutations: all refused, nothing done")


daybook.run(main)
