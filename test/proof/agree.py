#!/usr/bin/env python3
"""agree.py PROGRAM: 10,000 random cases through Daybook's verifier and the one in verify.mjs; they agree on each."""
import os
import shutil
import subprocess
import sys
import tempfile

CASES = os.environ.get("PROOF_CASES", "10000")
SEED = os.environ.get("PROOF_SEED", "1")


def main():
    node = shutil.which("node")
    if node is None:
        print("skipped: node is not installed")
        return 77
    with tempfile.TemporaryDirectory(prefix="daybook-proof-") as directory:
        path = os.path.join(directory, "cases")
        with open(path, "wb") as f:
            subprocess.run([sys.argv[1], CASES, SEED], check=True, stdout=f)
        return subprocess.run([node, os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify.mjs"), "--cases", path],
                              check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
