#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daybook verify --archive: all of it, a sample that its seed repeats, going on behind a pack, and damage by name."""
import os
import re
import shutil
import subprocess
import tempfile

import daybook
from daybook import PROGRAM, Scenario, Server, Smtp, check, check_equal

DAMAGED, USAGE, NOT_FOUND = 8, 2, 4


def run(data, *args, code=0):
    done = subprocess.run([PROGRAM, "verify", *args, "--data", data], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    check_equal(done.returncode, code, f"daybook verify {' '.join(args)}: {done.stdout[-2000:]}")
    return done.stdout


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x20]))


def send(server, count):
    smtp = Smtp(server.smtp[0])
    for i in range(count):
        smtp.send(daybook.simple_message(f"message {i}", os.urandom(1000).hex() + "\r\n"))
    smtp.close()


def main():
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        with Server(directory=home) as server:
            scenario = Scenario(server.api)
            name = server.api.call("GetArchive", ArchiveId=scenario.archive)["ArchiveName"]
            for _ in range(3):
                send(server, 40)
                server.api.call("Daybook.PrepareBackup")
            send(server, 5)
        data, folder = server.data, os.path.join(server.data, "archives", scenario.archive)
        packs = sorted(os.listdir(os.path.join(folder, "packs")))
        check_equal(len(packs), 3, "packs")
        check("125 messages checked, each against its record, leaf and tree, 0 problems"
              in run(data, "--archive", name, "--full"), "everything")
        check("125 messages checked" in run(data, "--archive", scenario.archive), "everything, by id")
        text = run(data, "--archive", name, "--full", "--after", packs[1])
        check("45 messages checked" in text, f"behind the second pack: {text}")
        text = run(data, "--archive", name, "--sample", "20%")
        found = re.search(r"(\d+) messages checked \(sample of 20\.0000%, seed (\d+)\), (\d+) proved", text)
        check(found and 5 <= int(found.group(1)) <= 60, f"a sample: {text}")
        again = run(data, "--archive", name, "--sample", "20", "--seed", found.group(2))
        check_equal(again.splitlines()[-1], text.splitlines()[-1], "the same seed")
        text = run(data, "--archive", name, "--sample", "100%")
        check("125 messages checked, each" in text, f"all of them: {text}")
        for words, code in ((["--archive", "nowhere"], NOT_FOUND), (["--archive", name, "--sample", "0%"], USAGE),
                            (["--archive", name, "--sample", "101%"], USAGE), (["--sample", "1%"], USAGE),
                            (["--archive", name, "--full", "--sample", "1%"], USAGE)):
            run(data, *words, code=code)
        pack = os.path.join(folder, "packs", packs[0])
        flip(pack, os.path.getsize(pack) // 2)
        check(packs[0] in run(data, "--archive", name, "--full", code=DAMAGED), "the damaged pack by name")
        text = run(data, "--archive", name, "--sample", "99%", code=DAMAGED)
        check("problems" in text and (packs[0] in text or "message " in text), f"damage in a sample: {text}")
        flip(pack, os.path.getsize(pack) // 2)
        os.rename(pack, home + "/gone")
        check("are in no pack" in run(data, "--archive", name, "--full", code=DAMAGED), "a pack that is gone")
        os.rename(home + "/gone", pack)
        check("0 problems" in run(data, "--archive", name), "after all that")
        print("verify: all, samples, and damage by name")
    finally:
        shutil.rmtree(home, ignore_errors=True)


daybook.run(main)
