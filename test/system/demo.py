#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a newcomer sees first: the demo plays the whole scenario in seconds, by its names, and leaves nothing behind."""
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import daybook
from daybook import Api, Smtp, check, check_equal

SECONDS_MAX = 10
NAMES = ("journaling-archive-demo", "journaling-rule-demo", "journaling-traffic-demo", "journaling-demo-IG")


def command(home, *words):
    smtp, http = (f"127.0.0.1:{port}" for port in daybook.free_ports(2))
    return smtp, http, dict(args=[daybook.PROGRAM, "demo", "--smtp", smtp, "--http", http, *words], cwd=home,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=dict(os.environ, TMPDIR=home))


def check_text(text, smtp, http):
    for name in NAMES:
        check(name in text, f"{name} is not shown")
    ids = re.findall(r"250 2\.0\.0 Ok: (\w{26})", text)
    check(len(ids) > 5, f"{len(ids)} messages sent")
    check_equal(len(re.findall(r"somebody\.else@journaling\.solutions +550 5\.7\.1 ", text)), 1, "recipients refused")
    table = text.partition("--last 12h\n")[2].partition("\n\n")[0].splitlines()
    table = [line for line in table if re.search(r"\w{26}$", line)]
    check_equal([line.split()[-1] for line in table], ids[::-1], "ids in the table of the last 12 hours, newest first")
    check(f"daybook show {ids[-1]}" in text and "Who reads this address?" in text, "no message was opened")
    check('"State": "COMPLETED"' in text, "the export is not shown complete")
    for word in (smtp, f"http://{http}", f"aws mailmanager list-archives --endpoint-url http://{http}", "Try next"):
        check(word in text, f"{word} is not shown")
    return ids


def once(home):
    """By itself: ends, and removes what it made."""
    smtp, http, options = command(home, "--once")
    began = time.monotonic()
    process = subprocess.Popen(**options)
    try:
        text, _ = process.communicate(timeout=3 * SECONDS_MAX)
    finally:
        daybook.kill_tree(process.pid)
    seconds = time.monotonic() - began
    check_equal(process.returncode, 0, f"exit code of the demo:\n{text}")
    check(seconds <= SECONDS_MAX, f"the demo took {seconds:.1f} s")
    check_text(text, smtp, http)
    check_equal(glob.glob(os.path.join(home, "daybook-demo-*")), [], "what the demo left behind")
    return seconds


def read_until(process, word, seconds):
    """Lines of the output up to one that holds the word."""
    lines, end = [], time.monotonic() + seconds
    os.set_blocking(process.stdout.fileno(), False)
    while not any(word in line for line in lines):
        check(time.monotonic() < end and process.poll() is None, f"{word!r} did not come:\n{''.join(lines)}")
        lines += process.stdout.readlines() or []
        time.sleep(0.02)
    return "".join(lines)


def stays(home):
    """With a directory: stays up, takes mail and calls, and keeps everything after Ctrl-C."""
    data = os.path.join(home, "kept")
    smtp, http, options = command(home, "--data", data)
    process = subprocess.Popen(**options)
    try:
        text = read_until(process, "Ctrl-C ends it", 2 * SECONDS_MAX)
        ids = check_text(text, smtp, http)
        session = Smtp(smtp)
        session.send(daybook.simple_message("what to try next"))
        session.close()
        file = re.search(r"AWS_SHARED_CREDENTIALS_FILE=(\S+)", text)[1]
        with open(file, encoding="ascii") as f:
            words = dict(line.strip().split(" = ") for line in f if " = " in line)
        api = Api(http, words["aws_access_key_id"], words["aws_secret_access_key"])
        check_equal([a["ArchiveName"] for a in api.call("ListArchives")["Archives"]], [NAMES[0]], "archives")
        status = api.call("Daybook.GetStatus")["Archives"][0]
        check_equal(status["Messages"], len(ids) + 1, "messages")
        api.close()
        exported = re.search(r"The export lies in +(\S+)", text)[1]
        directories = os.listdir(exported)
        check_equal(len(directories), 1, "exports")
        _, digests = daybook.read_export(os.path.join(exported, directories[0]))
        check_equal(sorted(digests), sorted(ids), "messages in the export")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        check_equal(process.wait(daybook.STOP_SECONDS), 0, "exit code after Ctrl-C")
        seconds = time.monotonic() - began
    finally:
        daybook.kill_tree(process.pid)
        process.stdout.close()
    check(os.path.exists(os.path.join(data, "catalog.db")), "the directory of --data is gone")
    for address in (smtp, http):
        host, port = address.split(":")
        try:
            daybook.socket.create_connection((host, int(port)), timeout=2).close()
            raise daybook.Failure(f"something still listens on {address}")
        except ConnectionRefusedError:
            pass
    return seconds


def main():
    home = tempfile.mkdtemp(prefix="daybook-test-")
    try:
        seconds = once(home)
        stopping = stays(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"demo: {seconds:.1f} s from the first line to the last; ended {stopping:.1f} s after Ctrl-C")


daybook.run(main)
