#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line against a real server: over its unix socket, and over HTTP with an access key; outputs, exit codes."""
import configparser
import csv
import io
import json
import os
import shutil
import subprocess
import time

import daybook
from daybook import Scenario, Server, Smtp, check, check_equal, sha256

DONE, FAILED, USAGE, NOT_FOUND, DENIED, CONFIGURATION, UNREACHABLE, CONFLICT = 0, 1, 2, 4, 5, 7, 9, 10
NOBODY = 65534


class Cli:
    """Commands to one server. Each must end with the code that is wanted; a command that fails prints nothing to stdout."""

    def __init__(self, *words, before=(), **environment):
        self.words, self.before = list(words), list(before)
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment}

    def run(self, *words, code=DONE, binary=False):
        """(standard output, standard error)."""
        command = [*self.before, daybook.PROGRAM, *words, *self.words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment, timeout=60, check=False)
        error = done.stderr.decode()
        check(done.returncode == code, f"daybook {' '.join(words)} ended with {done.returncode}, want {code}: {error}")
        if code not in (DONE, FAILED):
            check_equal(done.stdout, b"", f"standard output of daybook {' '.join(words)}, which failed")
            check(error, f"daybook {' '.join(words)} said nothing")
        return (done.stdout if binary else done.stdout.decode()), error

    def says(self, text, *words, code):
        """It fails, and says why."""
        error = self.run(*words, code=code)[1]
        check(text in error, f"daybook {' '.join(words)} said {error!r}, want {text!r}")

    def json(self, *words):
        return json.loads(self.run(*words, "--format", "json")[0])

    def fields(self, *words):
        """`Name: value` lines as a dictionary."""
        lines = self.run(*words)[0].splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line)


def fill(server):
    """Messages, the last one unkind to terminals and spreadsheets; {id: bytes}, oldest first."""
    smtp = Smtp(server.smtp[0])
    mail = [daybook.simple_message(f"cli {i}", f"body {i}\r\n") for i in range(3)]
    mail.append(b"From: =?utf-8?q?=3D1+1?= <x@example.test>\r\nTo: b@example.test\r\nSubject: =cmd \x1b[31mred\x07 "
                b"\xff, \"quoted\"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext \x1b[2J\r\n--b\r\n"
                b"Content-Disposition: attachment; filename=a.bin\r\n\r\nQUJD\r\n--b--\r\n")
    sent = {smtp.send(message): message for message in mail}
    smtp.close()
    return sent


def searches(cli, sent):
    keys = list(reversed(sent))
    rows = [json.loads(line) for line in cli.run("search", "--last", "12h", "--format", "jsonl")[0].splitlines()]
    check_equal([row["ArchivedMessageId"] for row in rows], keys, "ids as jsonl, newest first")
    check_equal(cli.run("search", "--columns", "id", "--format", "plain")[0].split(), keys, "ids as a plain column")
    table, note = cli.run("search", "--last", "12h")
    check_equal(table.split("\n")[0].split(), ["RECEIVED", "FROM", "TO", "SUBJECT", "ATTACHMENTS", "ID"], "titles")
    check_equal(len(table.splitlines()), 5, "lines of the table")
    check("4 messages; " in note and note.endswith("that is all of them\n"), f"the note below the table: {note!r}")
    for form in ("table", "plain", "tsv", "csv"):
        out = cli.run("search", "--last", "12h", "--format", form)[0]
        check("\x1b" not in out and "\x07" not in out, f"a control character of a message came through as {form}")
    cells = list(csv.reader(io.StringIO(cli.run("search", "--subject", "quoted", "--format", "csv")[0])))
    check_equal(len(cells), 2, "rows as csv")
    check_equal(len(cells[1]), len(cells[0]), "cells in a row")
    check(cells[1][3].startswith("'=cmd"), f"a formula goes out as {cells[1][3]!r}")
    check(cells[1][1].startswith("'="), f"a formula goes out as {cells[1][1]!r}")
    for words, want in ((("--subject", "CLI"), 3), (("--subject", "cli 0", "--subject", "cli 2"), 2), (("--has-attachments",), 1),
                        (("--no-attachments", "--unless-subject", "cli 1"), 2), (("--limit", "1"), 1),
                        (("--envelope-to", "JOURNALING@"), 4), (("--since", "yesterday", "--until", "1h"), 0)):
        check_equal(len(cli.run("search", *words, "--format", "plain", "--no-header")[0].splitlines()), want,
                    f"rows of search {words}")
    check("more may match" in cli.run("search", "--limit", "1")[1] or "--limit" in cli.run("search", "--limit", "1")[1],
          "nothing says that a limit cut the list")
    cli.run("search", "--subject", "nothing like it", "--fail-empty", code=NOT_FOUND)
    for wrong, said in (("--last 12x", "not a duration"), ("--frob", "did you mean"), ("--archive none", "no archive is named"),
                        ("--since never", "never"), ("--limit 1001", "1000"), ("--limit 0", "limit")):
        code = NOT_FOUND if "archive" in wrong else USAGE
        cli.says(said, "search", *wrong.split(" "), code=code)


def messages(cli, sent, directory):
    for key, content in sent.items():
        check(cli.run("show", key, "--raw", binary=True)[0] == content, f"show {key} --raw is not what was sent")
        header = content.partition(b"\r\n\r\n")[0]
        check(cli.run("show", key, "--headers", binary=True)[0].rstrip(b"\r\n") == header, f"show {key} --headers")
    first, last = list(sent)[0], list(sent)[-1]
    check_equal(cli.run("show", first, "--text")[0].strip(), "body 0", "the text")
    check_equal(json.loads(cli.run("show", first, "--json")[0])["Envelope"]["From"], "sender@example.test", "sender as JSON")
    shown = cli.run("show", last)[0]
    check("\x1b" not in shown and "\x07" not in shown, "a control character of a message came through show")
    path = os.path.join(directory, "out.eml")
    check_equal(cli.run("show", last, "--raw", "-o", path)[0], "", "what is printed beside a file")
    with open(path, "rb") as f:
        check(f.read() == sent[last], "show --raw -o is not what was sent")
    cli.says("not found", "show", "none", code=NOT_FOUND)
    cli.says("", "show", code=USAGE)


def exports(cli, server, sent):
    error = cli.run("export", "create", "--last", "12h", "--destination", "s3://cli/out", "--include-metadata", "--wait")[1]
    listed = cli.json("export", "list")
    check_equal([each["Status"]["State"] for each in listed], ["COMPLETED"], "states of the exports")
    name = listed[0]["ExportId"]
    check(name in error, f"the export's id is not in {error!r}")
    _, digests = daybook.read_export(os.path.join(server.exported("s3://cli/out"), name), len(sent))
    check_equal(digests, {key: sha256(content) for key, content in sent.items()}, "digests of the exported messages")
    cli.run("export", "show", name)
    cli.run("export", "watch", name)
    cli.run("export", "cancel", name)  # it is over: nothing happens
    cli.says("s3Location", "export", "create", "--destination", "nonsense", code=USAGE)
    cli.says("--destination", "export", "create", code=USAGE)
    cli.says("", "export", "show", "e-none", code=NOT_FOUND)


def resources(cli, scenario):
    check_equal(cli.fields("archive", "create", "more", "--retention", "ONE_YEAR").keys(), {"ArchiveId"}, "what create says")
    cli.says("already exists", "archive", "create", "more", code=CONFLICT)
    cli.says("", "archive", "create", "again", "--retention", "ONE_DAY", code=USAGE)
    check_equal(cli.fields("archive", "show", "more")["ArchiveState"], "ACTIVE", "state of the archive")
    cli.says("--yes", "archive", "delete", "more", code=USAGE)
    check_equal(cli.fields("archive", "show", "more")["ArchiveState"], "ACTIVE", "state of an archive nobody deleted")
    cli.run("archive", "delete", "more", "--yes")
    check_equal(cli.fields("archive", "show", "more")["ArchiveState"], "PENDING_DELETION", "state of the archive")
    cli.says("did you mean", "archive", "show", "mare", code=NOT_FOUND)
    for noun, name, id_field, key in (("endpoint", "journaling-demo-IG", "IngressPointId", scenario.endpoint),
                                      ("policy", "journaling-traffic-demo", "TrafficPolicyId", scenario.policy),
                                      ("rules", "journaling-rule-demo", "RuleSetId", scenario.rules)):
        check_equal(cli.json(noun, "show", name)[id_field], key, f"id by {noun} show")
        check_equal(cli.json(noun, "show", key)[id_field], key, f"id by {noun} show by id")
        check_equal([each[id_field] for each in cli.json(noun, "list")], [key], f"ids by {noun} list")
        cli.says("", noun, "show", "none", code=NOT_FOUND)
    status = cli.json("status")
    check_equal([point["Status"] for point in status["Endpoints"]], ["ACTIVE"], "endpoints by status")


def keys(local, server):
    """A key made by the socket lets in over HTTP, until it is deactivated."""
    parser = configparser.ConfigParser()
    parser.read_string(local.run("access-key", "create")[0])
    key = parser["daybook"]["aws_access_key_id"]
    remote = Cli("--endpoint", f"http://{server.http}", AWS_ACCESS_KEY_ID=key,
                 AWS_SECRET_ACCESS_KEY=parser["daybook"]["aws_secret_access_key"])
    check_equal(len(remote.json("access-key", "list")), 2, "access keys")
    local.run("access-key", "deactivate", key)
    remote.says("security token", "status", code=DENIED)
    local.run("access-key", "activate", key)
    remote.run("status")
    local.run("access-key", "delete", key, "--yes")
    remote.says("security token", "status", code=DENIED)
    wrong = Cli("--endpoint", f"http://{server.http}", AWS_ACCESS_KEY_ID=server.credentials()[0], AWS_SECRET_ACCESS_KEY="x" * 40)
    wrong.says("signature", "status", code=DENIED)
    Cli("--endpoint", f"http://127.0.0.1:{daybook.free_ports(1)[0]}", AWS_ACCESS_KEY_ID="AKIDX",
        AWS_SECRET_ACCESS_KEY="x" * 40).says("connect", "status", code=UNREACHABLE)
    return Cli("--endpoint", f"http://{server.http}", AWS_SHARED_CREDENTIALS_FILE=os.path.join(server.data, "credentials"))


def strangers(server):
    """Another user of this machine is not let in by the socket, even where he can reach it."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        print("not tried: another user at the socket (needs root)")
        return
    before = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run(before + [daybook.PROGRAM, "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        print("not tried: another user at the socket (the program cannot be read by one)")
        return
    stranger = Cli("--data", server.data, before=before)
    socket_path = os.path.join(server.data, "run", "daybook.sock")
    stranger.run("status", code=stranger_code(stranger))
    open_paths = [server.home, server.data, os.path.dirname(socket_path)]
    for path in open_paths:
        os.chmod(path, 0o755)
    os.chmod(socket_path, 0o777)
    stranger.run("status", code=DENIED)
    for path in open_paths:
        os.chmod(path, 0o700)
    os.chmod(socket_path, 0o600)


def stranger_code(stranger):
    """Not reachable and not permitted are both an answer to who may not even see the directory."""
    try:
        stranger.run("status", code=DENIED)
        return DENIED
    except daybook.Failure:
        return UNREACHABLE


def files(server, local):
    """Configuration, verification and completion: commands that ask no server."""
    bad = os.path.join(server.home, "bad.conf")
    with open(bad, "w", encoding="ascii") as f:
        f.write("[server]\nlog = warn\nhostnam = x\n[smtp]\nsessions = many\n")
    for words in (("config", "check"), ("serve",)):
        done = subprocess.run([daybook.PROGRAM, *words, "--data", os.path.join(server.home, "other"), "--config", bad],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30,
                              check=False)
        check_equal(done.returncode, CONFIGURATION, f"exit code of {words} with a bad file")
        check(f"{bad}:3: unknown key \"server.hostnam\" (did you mean \"server.hostname\"?)" in done.stderr, done.stderr)
        check(f"{bad}:5: smtp.sessions must be" in done.stderr, done.stderr)
    check(not os.path.exists(os.path.join(server.home, "other")), "a bad configuration made a data directory")
    local.run("config", "check", "--config", server.config_path)
    check("seal-minutes" in local.run("config", "show", "--config", server.config_path)[0], "config show")
    local.says("locked", "verify", code=CONFLICT)
    asks_none = Cli()
    for shell, syntax in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
        script = asks_none.run("completion", shell)[0]
        if shutil.which(shell):
            subprocess.run(syntax, input=script, text=True, check=True, timeout=30)
    asks_none.says("no command", "frobnicate", code=USAGE)
    check_equal(asks_none.run("version")[0].split()[0], "daybook", "version")
    check("search" in asks_none.run("help")[0], "help")
    check("--last" in asks_none.run("help", "search")[0], "help search")
    check("--last" in asks_none.run("search", "--help")[0], "search --help")


def main():
    with Server() as server:
        scenario = Scenario(server.api)
        sent = fill(server)
        local = Cli("--data", server.data)
        remote = keys(local, server)
        for cli in (local, remote):
            searches(cli, sent)
            messages(cli, sent, server.home)
        exports(local, server, sent)
        resources(remote, scenario)
        strangers(server)
        files(server, local)
        server.stop()
        local.says("is it running?", "status", code=UNREACHABLE)
        check("4 messages checked, 0 problems" in local.run("verify")[0], "verify")
        began = time.monotonic()
        server.start()
        check(time.monotonic() - began < daybook.READY_SECONDS, "start")
    print("cli: searches, messages, exports, resources and keys over both ways; exit codes as in the manual")


daybook.run(main)
