# SPDX-License-Identifier: Apache-2.0
"""A witness (C2SP tlog-witness, tlog-cosignature), written from those pages: HTTP on loopback, proofs checked here."""
import base64
import hashlib
import http.server
import re
import threading
import time

import ed25519

DASH = "\u2014 "


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{base64.b64encode(bytes([kind]) + public).decode()}"


def parse_vkey(text):
    name, ident, raw = text.strip().split("+", 2)
    raw = base64.b64decode(raw, validate=True)
    assert key_id(name, raw[0], raw[1:]).hex() == ident
    return name, raw[0], raw[1:]


def split_note(note):
    text, _, signatures = note.rpartition("\n\n")
    return text + "\n", [tuple(line[2:].split(" ", 1)) for line in signatures.splitlines() if line.startswith(DASH)]


def consistent(first, first_root, second, second_root, proof):
    """RFC 9162 section 2.1.4.2."""
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof
    if not proof:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    left = right = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            left, right = node(step, left), node(step, right)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            right = node(right, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and left == first_root and right == second_root


class Witness:
    """Knows logs by their keys. `statuses` is what it answered; `wrong` makes it lie in one of several ways."""

    def __init__(self, name, seed=b"\7" * 32):
        self.name, self.seed = name, seed
        self.public = ed25519.public(seed)
        self.key = vkey(name, 4, self.public)
        self.logs, self.seen, self.statuses, self.plain = {}, {}, [], []
        self.wrong = None
        self.lock = threading.Lock()
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with witness.lock:
                    status, kind, answer = witness.answer(self.path, body)
                    witness.statuses.append(status)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def knows(self, log_vkey):
        name, kind, public = parse_vkey(log_vkey)
        assert kind == 1
        self.logs[name] = public

    def answer(self, path, body):
        text = "text/plain; charset=utf-8"
        if path == "/keep":
            self.plain.append(body.decode())
            return 204, text, b""
        if path != "/add-checkpoint":
            return 404, text, b""
        if self.wrong == "busy":
            return 503, text, b""
        head, _, note = body.decode().partition("\n\n")
        lines = head.split("\n")
        if not re.fullmatch(r"old (0|[1-9][0-9]*)", lines[0]) or len(lines) > 64:
            return 400, text, b"malformed\n"
        old = int(lines[0][4:])
        proof = [base64.b64decode(line, validate=True) for line in lines[1:]]
        signed, signatures = split_note(note)
        origin, size, root = signed.split("\n")[:3]
        size, root = int(size), base64.b64decode(root, validate=True)
        if origin not in self.logs:
            return 404, text, b""
        public = self.logs[origin]
        good = [raw for name, raw in signatures if name == origin and base64.b64decode(raw)[:4] == key_id(name, 1, public)]
        if not good or not all(ed25519.verify(public, signed.encode(), base64.b64decode(raw)[4:]) for raw in good):
            return 403, text, b""
        if old > size:
            return 400, text, b"old size is larger\n"
        seen, seen_root = self.seen.get(origin, (0, b""))
        if old != seen or (old == size and root != seen_root and seen != 0):
            return 409, "text/x.tlog.size", f"{seen}\n".encode()
        if not consistent(old, seen_root, size, root, proof):
            return 422, text, b""
        self.seen[origin] = (size, root)
        return 200, text, self.cosign(signed)

    def cosign(self, signed):
        seed = b"\x0b" * 32 if self.wrong == "key" else self.seed
        now = int(time.time())
        message = f"cosignature/v1\ntime {now}\n{signed if self.wrong != 'text' else 'x' + signed}"
        raw = key_id(self.name, 4, self.public) + now.to_bytes(8, "big") + ed25519.sign(seed, message.encode())
        line = f"{DASH}{self.name} {base64.b64encode(raw).decode()}\n"
        if self.wrong == "garbage":
            return b"\xff\xfenot a note\n\n"
        if self.wrong == "long":
            return line.encode() * 4000
        # somebody else's beside it: ignored
        return (f"{DASH}other.example {base64.b64encode(b'abcd' + bytes(72)).decode()}\n" + line).encode()

    def signed_by(self, note):
        """Is this checkpoint cosigned by us? The time, or None."""
        signed, signatures = split_note(note)
        for name, raw in signatures:
            raw = base64.b64decode(raw)
            if name == self.name and raw[:4] == key_id(name, 4, self.public):
                when = int.from_bytes(raw[4:12], "big")
                message = f"cosignature/v1\ntime {when}\n{signed}".encode()
                return when if ed25519.verify(self.public, message, raw[12:]) else None
        return None
