#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of random processes under load: what was acknowledged is there, whole; nothing is there that was not sent.

kill.py [--kills N] [--seed N] [--control]    --control claims one acknowledgement that never was: must fail.
"""
import argparse
import collections
import http.client
import json
import os
import random
import signal
import statistics
import threading
import time

import daybook
from daybook import JOURNAL, Scenario, Server, Smtp, check, sha256

SENDERS = 6
EDGE_SECONDS = 2.0  # smtp and http serve again within it
BACK_SECONDS = 10.0  # of everything else: it may have to wait its turn to be restarted, and to recover
VICTIMS = ["smtp"] * 6 + ["http"] * 5 + ["core"] * 6 + ["all"] * 2 + ["supervisor"]


class Load:
    """Senders that never give up. acknowledged: {id: digest}; sent: every digest that went out whole or in part."""

    def __init__(self, server, seed):
        self.server, self.seed = server, seed
        self.lock = threading.Lock()
        self.acknowledged, self.sent = {}, set()
        self.stopping = threading.Event()
        self.refusals = {}
        self.broken = []
        self.threads = [threading.Thread(target=self.send, args=(i,)) for i in range(SENDERS)]
        self.threads.append(threading.Thread(target=self.look))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def send(self, number):
        dice = random.Random(f"{self.seed} sender {number}")
        smtp = None
        while not self.stopping.is_set():
            message = self.message(dice)
            digest = sha256(message)
            with self.lock:
                self.sent.add(digest)
            try:
                if smtp is None:
                    smtp = Smtp(self.server.smtp[0], timeout=20)
                key = smtp.send(message, bdat=dice.random() < 0.5)
                with self.lock:
                    self.note(key, digest)
            except (OSError, ValueError):  # died under us, perhaps within a reply: not acknowledged
                smtp = self.drop(smtp)
            except daybook.Failure as e:
                with self.lock:
                    self.refused(str(e))
                smtp = self.drop(smtp)
        if smtp is not None:
            smtp.close()

    def note(self, key, digest):
        if key in self.acknowledged:
            self.broken.append(f"two messages were given the id {key}")
        self.acknowledged[key] = digest

    def refused(self, text):
        """Our trouble is 4xx, never 5xx."""
        code = text.removeprefix("SMTP reply ")[:3]
        self.refusals[code] = self.refusals.get(code, 0) + 1
        if not code.startswith("4"):
            self.broken.append(f"a sender was told: {text}")

    @staticmethod
    def drop(smtp):
        if smtp is not None:
            smtp.abort()
        time.sleep(0.02)

    def look(self):
        """Searches meanwhile; that they fail while processes die is in order."""
        dice = random.Random(f"{self.seed} look")
        api = self.server.client()
        while not self.stopping.is_set():
            try:
                api.call("Daybook.GetStatus")
                time.sleep(dice.random() / 10)
            except (OSError, http.client.HTTPException, daybook.ApiError, json.JSONDecodeError):
                api.close()
                time.sleep(0.05)

    @staticmethod
    def message(dice):
        size = dice.choice((100, 2_000, 2_000, 20_000, 20_000, 20_000, 20_000, 300_000))
        body = dice.randbytes(size // 2).hex().encode()
        lines = b"\r\n".join(body[i:i + 76] for i in range(0, len(body), 76))
        return b"From: a@example.test\r\nSubject: kill\r\n\r\n" + lines + b"\r\n"


def smtp_serves(server):
    try:
        smtp = Smtp(server.smtp[0], timeout=BACK_SECONDS)
        smtp.command("MAIL FROM:<probe@example.test>", 250)
        smtp.command(f"RCPT TO:<{JOURNAL}>", 250)
        smtp.close()
        return True
    except (OSError, ValueError, daybook.Failure):
        return False


def http_serves(server):
    api = server.client()
    try:
        api.call("Daybook.GetStatus")
        return True
    except (OSError, http.client.HTTPException, daybook.ApiError, json.JSONDecodeError):
        return False
    finally:
        api.close()


def kill_one(server, victim):
    """Kills, waits until everything serves again; milliseconds."""
    began = time.monotonic()
    if victim in ("all", "supervisor"):
        below = server.roles().values()
        if victim == "all":
            daybook.kill_tree(server.process.pid)
        else:
            server.process.kill()
        daybook.wait_for("the processes without a supervisor end by themselves",
                         lambda: not any(os.path.exists(f"/proc/{pid}/fd/0") for pid in below))
        server.kill()
        server.start()
    else:
        pid = daybook.wait_for(f"a process {victim}", lambda: server.roles().get(victim))
        os.kill(pid, signal.SIGKILL)
    probes = {"smtp": [smtp_serves], "http": [http_serves]}.get(victim, [smtp_serves, http_serves])
    for probe in probes:
        daybook.wait_for(f"service after the end of {victim}", lambda p=probe: p(server), BACK_SECONDS)
    return (time.monotonic() - began) * 1000


def verify(server, scenario, load, control):
    """The `lost` of the report line, and what is wrong."""
    acknowledged = dict(load.acknowledged)
    if control:
        acknowledged["control-that-was-never-sent"] = sha256(b"")
    name = scenario.export("s3://kill/end", seconds=240)
    _, digests = daybook.read_export(os.path.join(server.exported("s3://kill/end"), name))
    lost = [key for key, digest in acknowledged.items() if digests.get(key) != digest]
    foreign = [key for key, digest in digests.items() if digest not in load.sent]
    count = collections.Counter(digests.values())  # no two messages are alike, and none is sent twice
    twice = [digest for digest, times in count.items() if times > 1]
    return acknowledged, digests, lost, foreign, twice


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--control", action="store_true")
    options = options.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}: kill.py --kills {options.kills} --seed {seed}", flush=True)
    dice = random.Random(f"{seed} kills")
    with Server(config={"archive.seal-minutes": 1, "server.log": "warn"}) as server:
        server.deaths_expected = True
        scenario = Scenario(server.api)
        back = {}
        with Load(server, seed) as load:
            for _ in range(options.kills):
                time.sleep(0.1 + dice.random() * 0.6)
                victim = dice.choice(VICTIMS)
                back.setdefault(victim, []).append(kill_one(server, victim))
            time.sleep(0.5)
        server.stop()
        server.start()
        scenario.api = server.api
        acknowledged, digests, lost, foreign, twice = verify(server, scenario, load, options.control)
        for victim, times in sorted(back.items()):
            print(f"kills of {victim}: {len(times)}, back in ms: median {statistics.median(times):.0f},"
                  f" max {max(times):.0f}")
        print(f"refusals by code: {load.refusals}; kept without a reply that arrived: {len(digests) - len(acknowledged)}")
        edges = back.get("smtp", []) + back.get("http", []) or [0]
        line = (f"durability tier=T3 states={options.kills} acked={len(acknowledged)} lost={len(lost)}"
                f" back_ms_max={max(edges):.0f} seed={seed}")
        print(line)
        server.stop()
        server.verify()
        check(not lost, f"{line}: {lost[:5]}")
        check(not foreign, f"{len(foreign)} messages were never sent in this form: {foreign[:5]}")
        check(not twice, f"{len(twice)} messages are there more than once: {twice[:5]}")
        check(not load.broken, f"{load.broken[:5]}")
        check(max(edges) <= EDGE_SECONDS * 1000, f"smtp or http took {max(edges):.0f} ms to serve again")
        check(len(acknowledged) > options.kills, "there was no load")


daybook.run(main)
