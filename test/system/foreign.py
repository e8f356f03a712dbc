#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are whole and in the wrong place, or cut: packs, tiles and checkpoints of other archives, twice, swapped, in
another order. `daybook verify` ends with 8 and names each; what it does not concern is served as it was sent."""
import os
import shutil
import tempfile

import damage
import daybook
from daybook import Scenario, Server, Smtp, check, check_equal, wait_for

DAMAGED = 8  # exit code of verify


def fill(server, scenario, count, sent):
    """Messages of an archive in one more pack: an erasure seals what waits."""
    smtp = Smtp(scenario.tags()["daybook:listening"])
    for _ in range(count):
        message = daybook.simple_message(f"{scenario.archive} {len(sent)}", os.urandom(1500).hex() + "\r\n")
        sent[smtp.send(message)] = message
    victim = smtp.send(daybook.simple_message("to be erased"))
    smtp.close()
    wait_for("the message to be erased is found", lambda: server.api.call("GetArchiveMessage", ArchivedMessageId=victim))
    erasure = server.api.call("Daybook.RequestErasure", ArchivedMessageId=victim, Reason="seals")["ErasureId"]
    server.api.call("Daybook.ApproveErasure", ErasureId=erasure)
    wait_for("the erasure is done", lambda: [e for e in server.api.call("Daybook.ListErasures")["Erasures"]
                                             if e["ErasureId"] == erasure and e["State"] == "COMPLETED"], 60)


def prepare(home):
    """Two archives, the first with two packs and more leaves than a tile has: (archive, {id: bytes}) of each."""
    with Server(directory=home, smtp_count=2) as server:
        one = Scenario(server.api, name="one")
        two = Scenario(server.api, name="two")
        sent_one, sent_two = {}, {}
        fill(server, one, 150, sent_one)
        fill(server, one, 150, sent_one)
        fill(server, two, 20, sent_two)
        check_equal(server.api.call("Daybook.GetStatus")["Archives"][0]["UnsealedMessages"], 0, "unsealed messages")
        return (one.archive, sent_one), (two.archive, sent_two)


class Place:
    """The files of both archives in a copy of the data directory."""

    def __init__(self, home, one, two):
        self.one, self.two = (os.path.join(home, "data", "archives", archive) for archive in (one, two))

    def packs(self):
        packs = damage.files_below(self.one, ".pack")
        check_equal(len(packs), 2, "packs of the first archive")
        return packs

    def other_pack(self):
        return damage.files_below(self.two, ".pack")[0]

    def proof(self, *names):
        return os.path.join(self.one, "proof", *names)

    def other_proof(self, *names):
        return os.path.join(self.two, "proof", *names)


def replace(path, other):
    os.chmod(path, 0o600)
    shutil.copyfile(other, path)
    return [path]


def foreign_pack(place):
    return replace(place.packs()[0], place.other_pack())


def stray_pack(place):
    path = os.path.join(os.path.dirname(place.packs()[0]), os.path.basename(place.other_pack()))
    shutil.copyfile(place.other_pack(), path)
    return [path]


def second_name(place):
    first = place.packs()[0]
    name = os.path.basename(first)
    path = os.path.join(os.path.dirname(first), name[:-6] + ("b" if name[-6] == "a" else "a") + ".pack")
    shutil.copyfile(first, path)
    return [path]


def swapped_packs(place):
    first, second = place.packs()
    os.rename(first, first + ".aside")
    os.rename(second, first)
    os.rename(first + ".aside", second)
    return [first, second]


def no_pack(place):
    os.unlink(place.packs()[0])
    return [place.one]


def cut_pack(place):
    damage.cut(place.packs()[1], 5000)
    return [place.packs()[1]]


def cut_tile(place):
    damage.cut(place.proof("tile", "0", "000"), 4096)
    return [place.proof("tile", "0", "000")]


def turned_tile(place):
    path = place.proof("tile", "0", "000")
    with open(path, "r+b") as file:
        hashes = file.read()
        file.seek(0)
        for at in range(len(hashes) - 32, -1, -32):
            file.write(hashes[at:at + 32])
    return [path]


def foreign_bundle(place):
    """Partial ones: both archives have some."""
    folder = place.proof("tile", "0", "001.p")
    path = os.path.join(folder, max(os.listdir(folder), key=int))
    other = place.other_proof("tile", "0", "000.p")
    content = open(os.path.join(other, max(os.listdir(other), key=int)), "rb").read()
    with open(path, "r+b") as file:
        size = len(file.read())
        file.seek(0)
        file.write((content * 20)[:size])
    return [place.proof()]  # which of the last tiles it is, the checkpoint does not tell


def cut_checkpoint(place):
    damage.cut(place.proof("checkpoint"), 30)
    return [place.proof("checkpoint")]


def foreign_checkpoint(place):
    return replace(place.proof("checkpoint"), place.other_proof("checkpoint"))


# name, what is done (it returns what must be named), how many messages of the first archive it may cost
CASES = [
    ("a pack of another archive in the place of one", foreign_pack, 150),
    ("a pack of another archive beside them", stray_pack, 0),
    ("a pack under a second name", second_name, 0),
    ("two packs with each other's names", swapped_packs, 300),
    ("a pack that is not there", no_pack, 150),
    ("the beginning of a pack", cut_pack, 150),
    ("half a tile", cut_tile, 0),
    ("a tile in another order", turned_tile, 0),
    ("a tile of another archive", foreign_bundle, 0),
    ("the beginning of a checkpoint", cut_checkpoint, 0),
    ("the checkpoint of another archive", foreign_checkpoint, 0),
]


def play(case, origin, one, two):
    name, break_it, cost = case
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        shutil.copytree(os.path.join(origin, "data"), os.path.join(home, "data"), symlinks=True,
                        ignore=shutil.ignore_patterns("*.sock"))
        shutil.copy2(os.path.join(origin, "data.key"), os.path.join(home, "data.key"))
        named = break_it(Place(home, one[0], two[0]))
        server = Server(directory=home, smtp_count=4)
        _, text = server.verify(want=DAMAGED)
        for path in named:
            archive, _, file = path.removeprefix(os.path.join(home, "data", "archives") + os.sep).partition("/")
            check([line for line in text.splitlines() if archive in line and file.removeprefix("proof/") in line],
                  f"{name}: verify does not name {file} of {archive}:\n{text[:2000]}")
        with server:
            exact, damaged = damage.serves(server, one[0], one[1], name)
            others, broken = damage.serves(server, two[0], two[1], name + ", the other archive", "else")
        check_equal((len(others), len(broken)), (len(two[1]), 0), f"{name}: messages of the archive that it does not concern")
        lost = len(one[1]) - len(exact)
        check(lost <= cost, f"{name}: {lost} messages are not served, {len(damaged)} of them named")
        print(f"{name}: named; {len(exact)} exact, {len(damaged)} named as damaged, {lost - len(damaged)} not in the export")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main():
    origin = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        one, two = prepare(origin)
        for case in CASES:
            play(case, origin, one, two)
    finally:
        shutil.rmtree(origin, ignore_errors=True)


daybook.run(main)
