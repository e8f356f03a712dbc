#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server's own commands: demo plays through, init and verify on a directory, two servers on one, exit codes."""
import os
import subprocess
import tempfile

import daybook
from daybook import Scenario, Server, Smtp, check, check_equal

SECONDS = 60


def run(*words, code=0):
    done = subprocess.run([daybook.PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=SECONDS, check=False)
    check_equal(done.returncode, code, f"exit code of {' '.join(words)}: {done.stdout}")
    return done.stdout


def demo(home):
    smtp, http = daybook.free_ports(2)
    output = run("demo", "--once", "--data", os.path.join(home, "demo"), "--smtp", f"127.0.0.1:{smtp}", "--http",
                 f"127.0.0.1:{http}")
    check_equal(output.count(" 250 2.0.0 Ok: "), 13, "accepted messages")
    check_equal(output.count(" 550 5.7.1 "), 1, "refused messages")
    check("13 messages" in output, "the search shows all of them")
    check("Privileged: Smith v. Acme" in output, "subjects are shown decoded")
    check("aws mailmanager list-archives --endpoint-url" in output, "it says what to try next")
    exported = [name for _, _, names in os.walk(os.path.join(home, "demo", "export")) for name in names]
    check_equal(sum(name.endswith(".eml") for name in exported), 13, "exported messages")


def directory(home):
    data = os.path.join(home, "data")
    check("next:" in run("init", "--data", data), "init says what to do next")
    credentials = os.path.join(data, "credentials")
    check_equal(os.stat(credentials).st_mode & 0o777, 0o600, "mode of the credentials")
    check_equal(os.stat(data).st_mode & 0o777, 0o700, "mode of the data directory")
    with open(credentials, encoding="ascii") as f:
        before = f.read()
    run("init", "--data", data)
    with open(credentials, encoding="ascii") as f:
        check_equal(f.read(), before, "credentials after a second init")
    check_equal(run("verify", "--data", data).splitlines()[-1], "0 messages checked, 0 problems", "verify of nothing")
    with Server(directory=home) as server:
        Scenario(server.api)
        smtp = Smtp(server.smtp[0])
        for i in range(5):
            smtp.send(daybook.simple_message(f"message {i}", "text\r\n"))
        smtp.close()
        check("another server uses this directory" in run("verify", "--data", data, code=10), "verify beside a server")
        check("another server uses this directory" in run("serve", "--data", data, code=7), "a second server")
    check_equal(run("verify", "--data", data).splitlines()[-1], "5 messages checked, 0 problems", "verify of five")
    os.rename(data + ".key", data + ".lost")
    check("bring it back" in run("verify", "--data", data, code=1), "without the key file")
    os.rename(data + ".lost", data + ".key")


def wrong(home):
    path = os.path.join(home, "bad.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write("[server]\nhostnam = a\n")
    check_equal(run("config", "check", "--config", path, code=7),
                f'{path}:2: unknown key "server.hostnam" (did you mean "server.hostname"?)\n', "a wrong file")
    check("did you mean --data" in run("serve", "--dat", "/x", code=2), "a wrong option")
    run("serve", "--data", "/x", "--smtp", "nowhere", code=2)
    run("serv", code=2)
    check("empty name" in run("serve", "--data", "", code=2), "a data directory without a name")
    run("serve", "--data", home, "--config", os.path.join(home, "none.conf"), code=7)
    check("data = /x" in run("config", "show", "--data", "/x"), "config show")


def main():
    with tempfile.TemporaryDirectory(prefix="daybook-commands-") as home:
        demo(home)
        directory(home)
        wrong(home)
    print("commands: demo, init, verify, serve and config do and end as they should")


daybook.run(main)
