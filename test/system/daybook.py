# SPDX-License-Identifier: Apache-2.0
"""A real server for tests: start, drive by its sockets, stop. Python's standard library only.

A test calls `run(main)`: exit 0 = passed, 1 = failed (with the server's log), 77 = skipped.
"""
import configparser
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("DAYBOOK", os.path.join(ROOT, "build", "dev", "daybook"))
JOURNAL = "journaling@journaling.solutions"
REGION = "us-east-1"
READY_SECONDS = 20
STOP_SECONDS = 10
SKIPPED = 77


class Skip(Exception):
    """The test cannot run here; its text says why."""


class Failure(Exception):
    """The server did not do what it promises."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_equal(got, want, what):
    if got != want:
        raise Failure(f"{what}: got {got!r}, want {want!r}")


def wait_for(what, probe, seconds=10.0):
    """Polls until probe() is true, and returns what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def free_ports(count):
    """Loopback ports that were free a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Server:
    """`daybook serve` on a data directory of its own; a context manager."""

    def __init__(self, smtp_count=1, config=None, directory=None, wrapper=()):
        self.home = directory or tempfile.mkdtemp(prefix="daybook-test-")
        self.own_home = directory is None
        self.data = os.path.join(self.home, "data")
        ports = free_ports(smtp_count + 1)
        self.smtp = [f"127.0.0.1:{port}" for port in ports[:-1]]
        self.http = f"127.0.0.1:{ports[-1]}"
        self.log_path = os.path.join(self.home, "server.log")
        self.config_path = os.path.join(self.home, "daybook.conf")
        self.wrapper = list(wrapper)
        self.process = None
        self.api = None
        self.deaths_expected = False  # by tests that kill processes
        self.quiet = False  # no log of a failure that is wanted
        settings = {"server.hostname": "mail.test", "smtp.sessions-per-ip": 1000}
        settings.update(config or {})
        self.write_config(settings)

    def write_config(self, settings):
        parser = configparser.ConfigParser()
        parser.optionxform = str
        for key, value in settings.items():
            section, name = key.rsplit(".", 1) if key.startswith("witness.") else key.split(".", 1)
            if not parser.has_section(section):
                parser.add_section(section)
            parser.set(section, name, str(value))
        with open(self.config_path, "w", encoding="utf-8") as out:
            parser.write(out)

    def command(self):
        words = [PROGRAM, "serve", "--data", self.data, "--http", self.http, "--config", self.config_path]
        for address in self.smtp:
            words += ["--smtp", address]
        return self.wrapper + words

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=log, cwd=self.home, start_new_session=True)
        words = []
        reader = threading.Thread(target=lambda: words.append(self.process.stdout.readline()), daemon=True)
        reader.start()
        reader.join(READY_SECONDS)
        check_equal(words, [b"ready\n"], f"what the server said within {READY_SECONDS} s")
        self.api = self.client()
        return self

    def credentials(self):
        parser = configparser.ConfigParser()
        parser.read(os.path.join(self.data, "credentials"))
        return parser["default"]["aws_access_key_id"], parser["default"]["aws_secret_access_key"]

    def client(self):
        """A client of its own connection, as root."""
        return Api(self.http, *self.credentials())

    def stop(self):
        """In order: SIGTERM, exit code 0 within the promised time."""
        process, self.process = self.process, None
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(process.pid)
            process.wait()
            raise Failure(f"the server did not end within {STOP_SECONDS} s of SIGTERM") from None
        finally:
            process.stdout.close()
        check_equal(code, 0, "exit code after SIGTERM")
        return time.monotonic() - began

    def kill(self):
        """Whatever is left of it, at once."""
        if self.process is not None:
            kill_tree(self.process.pid)
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def roles(self):
        """{role: pid} of the processes beneath the supervisor."""
        found = {}
        for pid in children(self.process.pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if len(words) > 2 and words[1] == b"--role":
                found[words[2].decode()] = pid
        return found

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def check_log(self):
        """No process died and was started again, no sanitizer had something to say."""
        marks = ["Sanitizer", "runtime error: "]
        if not self.deaths_expected:
            marks += [" was killed by signal ", " ended with code "]
        for line in self.log().splitlines():
            check(not any(mark in line for mark in marks), f"in the log of the server: {line}")

    def verify(self, want=0):
        """`daybook verify` of the stopped server's data; the number of messages checked, and all it said."""
        check(self.process is None, "a server that runs cannot be verified")
        done = subprocess.run([PROGRAM, "verify", "--data", self.data, "--config", self.config_path], cwd=self.home,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, check=False)
        check(done.returncode == want, f"daybook verify ended with {done.returncode}, want {want}:\n{done.stdout[-3000:]}")
        return int(done.stdout.splitlines()[-1].split()[0]), done.stdout

    def exported(self, location):
        """The directory of s3://bucket/prefix, as the default configuration maps it."""
        return os.path.join(self.data, "export", location.removeprefix("s3://"))

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, kind, value, trace):
        failed = kind is not None and kind is not Skip
        try:
            if self.process is not None and not failed:
                self.stop()
            if not failed:
                self.check_log()
        except Failure:
            failed = True
            raise
        finally:
            self.kill()
            if failed and not self.quiet:
                print("---- log of the server\n" + self.log()[-8000:] + "----")
            if self.own_home:
                shutil.rmtree(self.home, ignore_errors=True)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def kill_tree(pid):
    """A process that we started and those that it started."""
    below = children(pid)
    for each in [pid] + below:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass


class ApiError(Exception):
    def __init__(self, status, name, message):
        super().__init__(f"{status} {name}: {message}")
        self.status, self.name, self.message = status, name, message


def signature_headers(host, target, body, key, secret, now=None):
    """Signature Version 4 over an AWS JSON 1.0 request, as botocore would sign it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {"content-type": "application/x-amz-json-1.0", "host": host, "x-amz-date": stamp,
               "x-amz-target": target}
    signed = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", ""] + [f"{name}:{headers[name]}" for name in sorted(headers)] +
                          ["", signed, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{REGION}/ses/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    digest = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        digest = hmac.new(digest, word.encode(), "sha256").digest()
    proof = hmac.new(digest, text.encode(), "sha256").hexdigest()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={signed}, Signature={proof}"
    return headers


class Api:
    """Signed JSON calls; one per thread."""

    def __init__(self, address, key, secret):
        self.address, self.key, self.secret = address, key, secret
        self.ahead = 0  # seconds that the server's clock is ahead
        self.connection = None

    def call(self, operation, timeout=30, **members):
        target = operation if "." in operation else "MailManagerSvc." + operation
        body = json.dumps(members).encode()
        now = time.time() + self.ahead
        headers = signature_headers(self.address, target, body, self.key, self.secret, now)
        for attempt in (1, 2):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(self.address, timeout=timeout)
                self.connection.request("POST", "/", body, headers)
                answer = self.connection.getresponse()
                text = answer.read()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()  # an idle connection may be closed by the server; once is enough
                if attempt == 2:
                    raise
        output = json.loads(text)
        if answer.status != 200:
            raise ApiError(answer.status, output["__type"].rpartition("#")[2], output.get("Message", ""))
        return output

    def refused(self, want, operation, **members):
        """The call must fail with this exception; returns its text."""
        try:
            output = self.call(operation, **members)
        except ApiError as e:
            check_equal(e.name, want, f"{operation} was refused by")
            return e.message
        raise Failure(f"{operation} should be refused with {want} and answered {output!r}")

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def download(url, address):
    """GET of a link that carries its own permission; (status, bytes)."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


ALLOW_JOURNAL = [{"Action": "ALLOW", "Conditions": [{"StringExpression": {
    "Evaluate": {"Attribute": "RECIPIENT"}, "Operator": "EQUALS", "Values": [JOURNAL]}}]}]


class Scenario:
    """An organisation's set-up: archive, rule set, traffic policy, ingress point."""

    def __init__(self, api, listen=None, tls="OPTIONAL", kind="OPEN", configuration=None, name="demo",
                 statements=ALLOW_JOURNAL, archive=None, mode=None):
        self.api = api
        self.archive = archive or api.call("CreateArchive", ArchiveName=f"journaling-archive-{name}",
                                           Retention={"RetentionPeriod": "PERMANENT"})["ArchiveId"]
        self.rules = api.call("CreateRuleSet", RuleSetName=f"journaling-rule-{name}", Rules=[
            {"Name": "journal-all", "Actions": [{"Archive": {"TargetArchive": self.archive}}]}])["RuleSetId"]
        self.policy = api.call("CreateTrafficPolicy", TrafficPolicyName=f"journaling-traffic-{name}",
                               DefaultAction="DENY", PolicyStatements=statements)["TrafficPolicyId"]
        more = {"IngressPointConfiguration": configuration} if configuration else {}
        tags = {"daybook:listen": listen, "daybook:mode": mode}
        if listen or mode:
            more["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items() if value]
        self.endpoint = api.call("CreateIngressPoint", IngressPointName=f"journaling-{name}-IG", Type=kind,
                                 RuleSetId=self.rules, TrafficPolicyId=self.policy, TlsPolicy=tls,
                                 **more)["IngressPointId"]
        wait_for("the ingress point is active", self.is_active)

    def is_active(self):
        status = self.api.call("GetIngressPoint", IngressPointId=self.endpoint)["Status"]
        check(status != "FAILED", "the ingress point failed to listen")
        return status == "ACTIVE"

    def tags(self):
        arn = self.api.call("GetIngressPoint", IngressPointId=self.endpoint)["IngressPointArn"]
        tags = self.api.call("ListTagsForResource", ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def search(self, hours=12, rows=1000, **more):
        """The rows of a search, newest first."""
        now = time.time()
        search = self.api.call("StartArchiveSearch", ArchiveId=self.archive, FromTimestamp=now - hours * 3600,
                               ToTimestamp=now + 60, MaxResults=rows, **more)["SearchId"]
        return self.results(search)

    def results(self, search, seconds=60):
        def probe():
            try:
                return self.api.call("GetArchiveSearchResults", SearchId=search)
            except ApiError as e:
                if e.name != "ConflictException":
                    raise
                return None
        return wait_for("search results", probe, seconds)["Rows"]

    def export(self, location, seconds=120, **more):
        """Exports the last 12 hours; (directory, manifest)."""
        now = time.time()
        export = self.api.call("StartArchiveExport", ArchiveId=self.archive, FromTimestamp=now - 12 * 3600,
                               ToTimestamp=now + 60,
                               ExportDestinationConfiguration={"S3": {"S3Location": location}}, **more)["ExportId"]

        def done():
            status = self.api.call("GetArchiveExport", ExportId=export)["Status"]
            check(status["State"] not in ("FAILED", "CANCELLED"), f"the export ended: {status}")
            return status["State"] == "COMPLETED"
        wait_for("the export is complete", done, seconds)
        return export


def read_export(directory, want_count=None):
    """The manifest, every file of it checked against its digest; {id: SHA-256 in hex}."""
    with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    digests = {}
    for entry in manifest["Messages"]:
        check("Error" not in entry, f"a message could not be exported: {entry}")
        with open(os.path.join(directory, entry["File"]), "rb") as f:
            content = f.read()
        digest = hashlib.sha256(content).hexdigest()
        check_equal(digest, entry["Sha256"], f"digest of {entry['File']} and of the manifest")
        check_equal(len(content), entry["SizeBytes"], f"size of {entry['File']}")
        digests[entry["ArchivedMessageId"]] = digest
    check_equal(len(digests), manifest["Count"], "messages in the manifest")
    check_equal(manifest["DamagedCount"], 0, "damaged messages in the manifest")
    if want_count is not None:
        check_equal(len(digests), want_count, "messages in the export")
    return manifest, digests


class Smtp:
    """An SMTP client that sends bytes as they are, and can send a whole transaction in one write."""

    def __init__(self, address, timeout=30, hello="client.test", tls=None):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.expect(220)
        self.extensions = self.command(f"EHLO {hello}", 250) if hello else []
        if tls is not None:
            self.start_tls(tls)
            self.extensions = self.command(f"EHLO {hello}", 250)

    def start_tls(self, context):
        self.command("STARTTLS", 220)
        self.file.close()
        self.socket = context.wrap_socket(self.socket, server_hostname="mail.test")
        self.file = self.socket.makefile("rb")

    def reply(self):
        """(code, lines of text)."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("the server closed the connection")
            lines.append(line[4:].rstrip(b"\r\n").decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return int(line[:3]), lines

    def expect(self, code):
        got, lines = self.reply()
        check(got == code, f"SMTP reply {got} {' / '.join(lines)}, want {code}")
        return lines

    def command(self, line, code):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.expect(code)

    def send(self, message, sender="sender@example.test", to=JOURNAL, bdat=False, size=None):
        """One transaction in as few writes as the protocol allows; the id that the 250 named."""
        start = f"MAIL FROM:<{sender}>{f' SIZE={size}' if size else ''}\r\nRCPT TO:<{to}>\r\n".encode()
        if bdat:
            self.socket.sendall(start + f"BDAT {len(message)} LAST\r\n".encode() + message)
            self.expect(250)
            self.expect(250)
        else:
            self.socket.sendall(start + b"DATA\r\n")
            self.expect(250)
            self.expect(250)
            self.expect(354)
            self.socket.sendall(stuffed(message))
        return kept_id(self.expect(250))

    def close(self):
        """QUIT, politely; safe on a dead connection."""
        try:
            self.command("QUIT", 221)
        except (OSError, Failure):
            pass
        self.abort()

    def abort(self):
        self.file.close()
        self.socket.close()


def kept_id(lines):
    """`2.0.0 Ok: ID` → ID."""
    words = lines[-1].split()
    check(len(words) == 3 and words[:2] == ["2.0.0", "Ok:"], f"the reply names no id: {lines}")
    return words[2]


def stuffed(message):
    """What DATA wants: dots doubled, the end. The message must be empty or end with CRLF."""
    check(not message or message.endswith(b"\r\n"), "a message without a final CRLF cannot go by DATA")
    body = message.replace(b"\r\n.", b"\r\n..")
    return (b"." if body.startswith(b".") else b"") + body + b".\r\n"


def open_tls():
    """A client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def simple_message(subject, body="Hello.\r\n"):
    return (f"From: A <a@example.test>\r\nTo: B <b@example.test>\r\nSubject: {subject}\r\n"
            f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\r\n"
            f"Message-ID: <{uuid.uuid4().hex}@example.test>\r\n\r\n{body}").encode()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def run(main):
    """The end of every test program."""
    if not os.access(PROGRAM, os.X_OK):
        print(f"skipped: {PROGRAM} is not there")
        sys.exit(SKIPPED)
    sys.stdout.reconfigure(line_buffering=True)
    try:
        main()
    except Skip as e:
        print(f"skipped: {e}")
        sys.exit(SKIPPED)
    except Failure as e:
        print(f"FAILED: {e}")
        traceback.print_exc()
        sys.exit(1)
    sys.exit(0)
