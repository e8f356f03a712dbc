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
LIBRARY = ["include/daybook/verify.h"]
PROGRAM = """
#include <daybook/verify.h>
#include <stdio.h>
static void tell(void *ctx, const char *what) { (void)ctx; puts(what); }
int main(int argc, char **argv)
{
	struct daybook_export_counts counts;
	struct daybook_error error;

	return argc != 2 || daybook_verify_abi() != DAYBOOK_VERIFY_ABI
	    ? 99 : (int)daybook_verify_export(argv[1], NULL, tell, NULL, NULL, &counts, &error);
}
"""


def library(prefix):
    """A program that nobody here wrote links with what pkg-config says, and runs."""
    pc = next(os.path.join(at, "daybook-verify.pc") for at, _, names in os.walk(prefix) if "daybook-verify.pc" in names)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "daybook-verify"], stdout=subprocess.PIPE, text=True,
                           check=True, timeout=20, env={**os.environ, "PKG_CONFIG_PATH": os.path.dirname(pc)}).stdout
    flags = flags.split()
    source, program = os.path.join(prefix, "program.c"), os.path.join(prefix, "program")
    with open(source, "w", encoding="utf-8") as f:
        f.write(PROGRAM)
    subprocess.run(["cc", "-o", program, source, *flags], check=True, timeout=60)
    export = os.path.join(prefix, "export")
    os.mkdir(export)
    env = {**os.environ, "LD_LIBRARY_PATH": os.path.dirname(os.path.dirname(pc))}
    check_equal(subprocess.run([program, export], env=env, timeout=20, check=False).returncode, 3, "no manifest")
    with open(os.path.join(export, "manifest.json"), "w", encoding="utf-8") as f:
        f.write('{"Count":0,"DamagedCount":0,"Messages":[\n]}\n')
    check_equal(subprocess.run([program, export], env=env, timeout=20, check=False).returncode, 0, "an empty export")
    with open(os.path.join(export, "x.eml"), "w", encoding="utf-8") as f:
        f.write("forged")
    check_equal(subprocess.run([program, export], env=env, stdout=subprocess.DEVNULL, timeout=20, check=False).returncode,
                8, "a file that nobody exported")
    names = subprocess.run(["nm", "-D", "--defined-only", os.path.join(os.path.dirname(os.path.dirname(pc)),
                                                                       "libdaybook-verify.so")],
                           stdout=subprocess.PIPE, text=True, check=True, timeout=20).stdout.split()
    with open(os.path.join(prefix, LIBRARY[0]), encoding="utf-8") as f:
        header = f.read()
    shown = {name.split("@")[0] for name in names if name.startswith("daybook_")}
    others = [name for name in names if "@" in name and not name.startswith("daybook_")]
    check(shown and not others, f"the library shows other names: {others}")
    for name in shown:
        check(name + "(" in header, f"{name} is shown and not promised")



def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="daybook-install-") as root:
        subprocess.run(["cmake", "--install", build, "--prefix", "/opt/mail"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": root}, timeout=60)
        prefix = os.path.join(root, "opt", "mail")
        for name in WANTED + LIBRARY:
            check(os.path.isfile(os.path.join(prefix, name)), f"{name} is not installed")
        with open(os.path.join(prefix, WANTED[1]), encoding="utf-8") as f:
            check("\nExecStart=/opt/mail/bin/daybook serve " in f.read(), "the unit names another program")
        library(prefix)
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
