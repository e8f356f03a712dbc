# SPDX-License-Identifier: Apache-2.0
"""What the tiers share: senders that remember what was promised, a look at what a disk holds, small disks, the line."""
import collections
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))
import daybook  # noqa: E402
from daybook import Failure, Skip, Smtp, check, sha256  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.environ.get("DAYBOOK_DURABILITY", os.path.join(daybook.ROOT, "build", "dev", "test", "durability"))
SMALL = {"archive.log-mib": 1, "archive.reserve-mib": 1, "server.log": "warn"}


def tool(name):
    return os.path.join(TOOLS, name)


def sabotaged(word):
    """The program built wrong on purpose."""
    path = tool("daybook_" + word)
    check(os.access(path, os.X_OK), f"{path} is not built")
    return path


class Program:
    """Another program for the servers that are started within."""

    def __init__(self, path):
        self.path, self.before = path, daybook.PROGRAM

    def __enter__(self):
        daybook.PROGRAM = self.path

    def __exit__(self, *_):
        daybook.PROGRAM = self.before


def new_seed(given):
    return given if given is not None else random.SystemRandom().randrange(1 << 32)


def message(dice, size_max=200_000):
    """Between 1 KB and size_max, no two alike."""
    size = min(size_max, int(1000 * (size_max / 1000) ** dice.random()))
    body = dice.randbytes(size // 2).hex().encode()
    lines = b"\r\n".join(body[i:i + 76] for i in range(0, len(body), 76))
    return b"From: a@example.test\r\nSubject: durability\r\n\r\n" + lines + b"\r\n"


class Promises:
    """What went out and what was acknowledged: kept outside the disk under test."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.acknowledged = set(), {}
        self.replies = collections.Counter()
        self.broken = []
        self.on_ack = None  # called with the number of acknowledgements so far, lock held

    def going_out(self, digest):
        with self.lock:
            self.sent.add(digest)

    def kept(self, key, digest):
        with self.lock:
            if key in self.acknowledged:
                self.broken.append(f"two messages were given the id {key}")
            self.acknowledged[key] = digest
            self.replies["250"] += 1
            if self.on_ack is not None:
                self.on_ack(len(self.acknowledged))

    def refused(self, text):
        """Our trouble is 4xx, never 5xx."""
        code = text.removeprefix("SMTP reply ")[:3]
        with self.lock:
            self.replies[code] += 1
            if not code.startswith("4"):
                self.broken.append(f"a sender was told: {text}")

    def compare(self, found):
        """found: {id: digest}. (lost, wrong): what was promised and is not there; what is there and never was sent."""
        lost = [key for key, digest in self.acknowledged.items() if found.get(key) != digest]
        wrong = [key for key, digest in found.items() if digest not in self.sent]
        twice = [digest for digest, n in collections.Counter(found.values()).items() if n > 1]
        return lost, wrong + twice

    def write(self, path):
        with open(path, "w", encoding="ascii") as out:
            acknowledged = set(self.acknowledged.values())
            for digest in sorted(self.sent - acknowledged):
                print("sent", digest, file=out)
            for key, digest in self.acknowledged.items():
                print("ack", key, digest, file=out)


class Senders:
    """count threads that send until told to stop, or limit messages each; a context manager."""

    def __init__(self, address, promises, seed, count=8, limit=None, size_max=200_000):
        self.address, self.promises, self.seed = address, promises, seed
        self.limit, self.size_max = limit, size_max
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(i,)) for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        if self.limit is None or kind is not None:
            self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def send(self, number):
        dice = random.Random(f"{self.seed} sender {number}")
        smtp, sent = None, 0
        while not self.stopping.is_set() and (self.limit is None or sent < self.limit):
            content = message(dice, self.size_max)
            digest = sha256(content)
            self.promises.going_out(digest)
            sent += 1
            try:
                smtp = smtp or Smtp(self.address, timeout=10)
                self.promises.kept(smtp.send(content, bdat=dice.random() < 0.5), digest)
            except (OSError, ValueError):  # the other side is gone, perhaps within a reply: not acknowledged
                smtp = self.drop(smtp)
            except Failure as e:
                self.promises.refused(str(e))
                smtp = self.drop(smtp)
        if smtp is not None:
            smtp.close()

    def drop(self, smtp):
        if smtp is not None:
            smtp.abort()
        self.stopping.wait(0.02)


def look(data):
    """{id: digest} of a data directory that no server runs on, and what was wrong with it ("" = nothing)."""
    done = subprocess.run([tool("durability_look"), data], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    lines = done.stdout.splitlines()
    if done.returncode != 0:
        said = [line for line in lines if line.startswith("wrong: ")]
        return {}, said[0] if said else f"look ended with {done.returncode}: {done.stderr[-500:]}"
    return dict(line.split() for line in lines), ""


def run(command, timeout=60):
    """(code, output)."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False)
    return done.returncode, done.stdout.strip()


def must(command, timeout=60):
    code, output = run(command, timeout)
    if code != 0:
        raise Failure(f"{' '.join(command)} ended with {code}: {output[-500:]}")
    return output


class Disk:
    """A file system in a file, mounted on a loop device; a context manager. Skips where that cannot be had."""

    def __init__(self, kind, mib, options=(), device=None):
        self.kind, self.mib, self.options, self.device = kind, mib, list(options), device
        self.home = tempfile.mkdtemp(prefix="daybook-disk-")
        self.image = os.path.join(self.home, "image")
        self.at = os.path.join(self.home, "at")
        self.loop = None
        self.mounted = False

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("mounting a file system needs root")
        if shutil.which(f"mkfs.{self.kind}") is None:
            raise Skip(f"mkfs.{self.kind} is not installed")
        os.mkdir(self.at)
        try:
            if self.device is None:
                with open(self.image, "wb") as f:
                    f.truncate(self.mib << 20)
                code, output = run(["losetup", "--find", "--show", self.image])
                if code != 0:
                    raise Skip(f"no loop device here: {output}")
                self.loop = self.device = output
            force = "-F" if self.kind == "ext4" else "-f"
            must([f"mkfs.{self.kind}", "-q", force] + self.options + [self.device])
            code, output = self.try_mount()
            if code != 0:
                raise Skip(f"{self.kind} cannot be mounted here: {output}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def try_mount(self):
        code, output = run(["mount", "-t", self.kind, self.device, self.at])
        self.mounted = code == 0
        return code, output

    def mount(self):
        code, output = self.try_mount()
        check(code == 0, f"mount after power loss: {output}")

    def unmount(self):
        """Also when a process that was killed has not let go of its files yet."""
        def gone():
            self.mounted = run(["umount", self.at])[0] != 0
            return not self.mounted
        daybook.wait_for("the file system is let go", gone, 10)

    def lose_power(self):
        """What is in memory of the file system and its journal is lost from this moment on."""
        fd = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, 0x8004587d, struct.pack("I", 2))  # GOINGDOWN, journal not flushed
        except OSError as e:
            raise Skip(f"{self.kind} here knows no GOINGDOWN: {e}") from None
        finally:
            os.close(fd)

    def __exit__(self, *_):
        if self.mounted:
            try:
                self.unmount()
            except Failure:
                run(["umount", "-l", self.at])
        if self.loop is not None:
            run(["losetup", "-d", self.loop])
        shutil.rmtree(self.home, ignore_errors=True)


def line(tier, **figures):
    text = f"durability tier={tier} " + " ".join(f"{name}={value}" for name, value in figures.items())
    print(text, flush=True)
    return text
