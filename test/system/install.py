#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an installation puts where, and that what it puts there runs."""
import os
import subprocess
import sys
import tempfile

import daybook
from daybook import check, check_equal

WANTED = ["bin/daybook", "lib/systemd/system/daybook.service", "share/doc/daybook/examples/daybook.conf"]


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="daybook-install-") as root:
        subprocess.run(["cmake", "--install", build, "--prefix", "/opt/mail"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": root}, timeout=60)
        prefix = os.path.join(root, "opt", "mail")
        for name in WANTED:
            check(os.path.isfile(os.path.join(prefix, name)), f"{name} is not installed")
        with open(os.path.join(prefix, WANTED[1]), encoding="utf-8") as f:
            check("\nExecStart=/opt/mail/bin/daybook serve " in f.read(), "the unit names another program")
        example = os.path.join(prefix, WANTED[2])
        done = subprocess.run([os.path.join(prefix, WANTED[0]), "config", "check", "--config", example],
                              stdout=subprocess.PIPE, text=True, timeout=20, check=False)
        check_equal((done.returncode, done.stdout), (0, "ok\n"), "the example configuration")
        commands = subprocess.run([os.path.join(prefix, WANTED[0]), "--help"], stdout=subprocess.PIPE, text=True,
                                  timeout=20, check=True).stdout
        manual = os.path.join(prefix, "share", "man")
        if not os.path.isdir(manual):
            raise daybook.Skip("scdoc is not here: no manual to look at")
        pages = {page.split(".")[0] for _, _, names in os.walk(manual) for page in names}
        for line in commands.split("Commands:\n")[1].splitlines():
            words = line.split()
            if line.startswith("  ") and words and words[0] not in ("help", "version"):
                check(f"daybook-{words[0]}" in pages, f"no manual page for daybook {words[0]}")
    print("install: program, unit, example and manual are there")


daybook.run(main)
