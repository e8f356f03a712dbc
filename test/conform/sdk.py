#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts a server for sdk.mjs: the AWS SDK for JavaScript and nodemailer, as npm gives them."""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
import daybook  # noqa: E402  (its folder is known only now)


def main():
    if shutil.which("node") is None:
        raise daybook.Skip("node is not installed")
    for package in ("@aws-sdk/client-mailmanager", "nodemailer"):
        if not os.path.isdir(os.path.join(HERE, "node_modules", *package.split("/"))):
            raise daybook.Skip("npm ci in test/conform was not run")
    with daybook.Server(smtp_count=2) as server:
        key, secret = server.credentials()
        about = {"http": server.http, "smtp": server.smtp, "key": key, "secret": secret, "data": server.data,
                 "coverage": os.path.join(daybook.ROOT, "docs", "api-coverage.md")}
        environment = dict(os.environ, DAYBOOK_SERVER=json.dumps(about), NODE_NO_WARNINGS="1")
        done = subprocess.run(["node", "sdk.mjs"], cwd=HERE, env=environment, timeout=150, check=False)
        daybook.check_equal(done.returncode, 0, "exit code of sdk.mjs")


daybook.run(main)
