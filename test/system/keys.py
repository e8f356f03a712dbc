#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Archives under key services: a token, KMS, Vault's contract, a program. A service that goes away and comes back; rotation
while mail comes in; destruction; and neither a key nor a word of mail in the data directory.

  keys.py [tour | file | rest]
"""
import base64
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

import daybook
from daybook import PROGRAM, Api, ApiError, Scenario, Server, Smtp, check, check_equal, simple_message, wait_for

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
ARN = "arn:aws:kms:us-east-1:000000000000:key/"
PERMANENT = {"RetentionPeriod": "PERMANENT"}
REST_MESSAGES = 10000

TOOL = """#!/usr/bin/python3
import base64, json, sys
q = json.loads(sys.stdin.readline())
d = bytes(b ^ 0x5a for b in base64.b64decode(q["data"]))
key = d if q["operation"] == "unwrap" else base64.b64decode(q["data"])
open(%r, "ab").write(key[:32])
print(json.dumps({"data": base64.b64encode(d).decode()}))
"""


class Vault(http.server.BaseHTTPRequestHandler):
    """Transit's encrypt and decrypt as its documentation has them; `away` answers as a sealed Vault does."""
    away = False
    calls = 0

    def do_POST(self):
        Vault.calls += 1
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = 200, {}
        context = question["context"]
        if Vault.away:
            status, answer = 503, {"errors": ["Vault is sealed"]}
        elif self.headers["X-Vault-Token"] != "s.test":
            status, answer = 403, {"errors": ["permission denied"]}
        elif self.path == "/v1/transit/encrypt/daybook":
            text = base64.b64encode(json.dumps([context, question["plaintext"]]).encode()).decode()
            answer = {"data": {"ciphertext": "vault:v1:" + text, "key_version": 1}}
        else:
            bound, plain = json.loads(base64.b64decode(question["ciphertext"].split(":")[2]))
            status, answer = (200, {"data": {"plaintext": plain}}) if bound == context else \
                (400, {"errors": ["cipher: message authentication failed"]})
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def write(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def daybook_command(server, *words, want=0):
    done = subprocess.run([PROGRAM, *words, "--data", server.data], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    check(done.returncode == want, f"daybook {' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def content(api, message):
    return base64.b64encode(json.dumps(api.call("GetArchiveMessageContent", ArchivedMessageId=message)).encode())


def token_settings(home):
    """A SoftHSM token with an AES key that never leaves it; {} where there is none."""
    if not os.path.exists(MODULE):
        print("SoftHSM is not installed: no token")
        return {}, {}
    folder = os.path.join(home, "hsm")
    os.makedirs(os.path.join(folder, "tokens"))
    conf = write(os.path.join(folder, "conf"), f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    environment = dict(os.environ, SOFTHSM2_CONF=conf)
    key = os.path.join(folder, "key.bin")
    with open(key, "wb") as f:
        # softhsm2-util reads a text: at a zero byte or a line's end the key would be over, and be no AES key
        f.write(bytes(b if b not in (0, 10) else 1 for b in os.urandom(32)))
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "daybook", "--pin", "271828", "--so-pin",
                    "271828"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["softhsm2-util", "--import", key, "--aes", "--token", "daybook", "--label", "kek", "--id", "01",
                    "--pin", "271828"], env=environment, check=True, stdout=subprocess.DEVNULL)
    os.unlink(key)
    os.environ["SOFTHSM2_CONF"] = conf
    prefix = "keys.hsm."
    return {prefix + "type": "pkcs11", prefix + "module": MODULE, prefix + "token": "daybook", prefix + "key": "kek",
            prefix + "pin-file": write(os.path.join(folder, "pin"), "271828\n", 0o400), prefix + "paths": folder,
            prefix + "arns": ARN + "hsm"}, {"hsm": ARN + "hsm"}


def kms_settings(home):
    """moto, which answers as KMS does; {} where there is none."""
    program = shutil.which("moto_server")
    if program is None:
        print("moto is not installed: no KMS but the contract of the unit tests")
        return None, {}, {}
    port = daybook.free_ports(1)[0]
    process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def create():
        request = urllib.request.Request(url + "/", data=b"{}", headers={
            "X-Amz-Target": "TrentService.CreateKey", "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/kms/aws4_request, "
                             "SignedHeaders=host, Signature=0"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)["KeyMetadata"]["Arn"]
        except OSError:
            return None
    try:
        arn = wait_for("moto answers", create, 30)
    except daybook.Failure:
        process.kill()
        process.wait()
        print("moto does not start here: no KMS but the contract of the unit tests")
        return None, {}, {}
    credentials = write(os.path.join(home, "aws"),
                        "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n")
    prefix = "keys.aws."
    return process, {prefix + "type": "aws-kms", prefix + "endpoint": url, prefix + "key": arn,
                     prefix + "credentials-file": credentials}, {"aws": arn}


def send_to(server, scenario, subject):
    address = scenario.tags()["daybook:listening"]
    smtp = Smtp(address)
    try:
        return smtp.send(simple_message(subject))
    finally:
        smtp.close()


def refused_code(scenario):
    """The reply to the end of data, which is no 250."""
    smtp = Smtp(scenario.tags()["daybook:listening"])
    try:
        smtp.send(simple_message("refused"))
    except daybook.Failure as e:
        return str(e)
    finally:
        smtp.abort()
    return "250"


def goes_away(server, scenario, kept, own, own_kept):
    """The cache is two seconds."""
    Vault.away = True
    began = time.monotonic()
    while time.monotonic() - began < 0.7:
        send_to(server, scenario, "within the time")
        scenario.api.call("GetArchiveMessageContent", ArchivedMessageId=kept)
    state = lambda: server.api.call("Daybook.GetKeyRotation", ArchiveId=scenario.archive)["State"]
    wait_for("the key's time is over", lambda: state() == "AWAY", 10)
    check("451" in refused_code(scenario), "mail for an archive whose key service is away is not deferred")
    try:
        server.api.call("GetArchiveMessageContent", ArchivedMessageId=kept)
        raise daybook.Failure("a message was read without its key")
    except ApiError as e:
        check_equal((e.status, e.name), (503, "ServiceUnavailable"), "the answer without a key service")
    server.api.call("GetArchiveMessageContent", ArchivedMessageId=own_kept)
    send_to(server, own, "elsewhere all is well")
    # a start without it
    server.stop()
    server.start()
    own.api = scenario.api = server.api
    wait_for("the other archive listens", own.is_active)
    wait_for("this archive listens", scenario.is_active)
    check_equal(state(), "AWAY", "state after a start without the service")
    server.api.call("GetArchiveMessageContent", ArchivedMessageId=own_kept)
    Vault.away = False
    wait_for("the key is back", lambda: state() == "PRESENT", 40)
    server.api.call("GetArchiveMessageContent", ArchivedMessageId=kept)
    send_to(server, scenario, "back again")


def rotates(server, scenario, kept):
    """While mail comes in."""
    ending, sent = threading.Event(), []

    def sender():
        while not ending.is_set():
            sent.append(send_to(server, scenario, f"during {len(sent)}"))
    thread = threading.Thread(target=sender)
    thread.start()
    before = json.loads(daybook_command(server, "key", "status", scenario.archive, "--format", "json"))
    after = json.loads(daybook_command(server, "key", "rotate", scenario.archive, "--wait", "--format", "json"))
    ending.set()
    thread.join()
    check(before["KeyId"] != after["KeyId"], "a rotation changed no key")
    check_equal((after["Generations"], after["PacksLeft"]), (1, 0), "generations and packs left after a rotation")
    daybook_command(server, "key", "rotate", scenario.archive, "--rewrap-only")
    ids = {row["ArchivedMessageId"] for row in scenario.search()}
    check(set(sent) | {kept} <= ids, "a message of the rotation is missing")
    server.api.call("GetArchiveMessageContent", ArchivedMessageId=kept)


def destroys(server, scenario, kept):
    archive = scenario.archive
    daybook_command(server, "key", "destroy", archive, want=2)
    check("active" in server.api.refused("ConflictException", "Daybook.DestroyKey", ArchiveId=archive, Confirm=archive),
          "an active archive's key may be destroyed")
    server.api.call("DeleteArchive", ArchiveId=archive)
    server.api.refused("ValidationException", "Daybook.DestroyKey", ArchiveId=archive, Confirm="a-other")
    daybook_command(server, "key", "destroy", archive, "--confirm", archive)
    check_equal(server.api.call("Daybook.GetKeyRotation", ArchiveId=archive)["State"], "DESTROYED", "state")
    check(not os.path.exists(os.path.join(server.data, "archives", archive, "key")), "the key file is still there")


def tour():
    vault = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    threading.Thread(target=vault.serve_forever, daemon=True).start()
    home = daybook.tempfile.mkdtemp(prefix="daybook-test-")
    moto = None
    try:
        hsm, hsm_arns = token_settings(home)
        moto, kms, kms_arns = kms_settings(home)
        tool = write(os.path.join(home, "tool"), TOOL % os.path.join(home, "tool-seen"), 0o700)
        write(os.path.join(home, "tool-seen"), "")
        config = {"keys.cache-seconds": 2, "archive.seal-minutes": 1,
                  "keys.vault.type": "vault-transit", "keys.vault.key": "daybook", "keys.vault.timeout": 2,
                  "keys.vault.endpoint": f"http://127.0.0.1:{vault.server_port}",
                  "keys.vault.token-file": write(os.path.join(home, "vault-token"), "s.test\n"),
                  "keys.vault.arns": ARN + "vault", "keys.tool.type": "command", "keys.tool.program": tool,
                  "keys.tool.paths": home, "keys.tool.arns": ARN + "tool", **hsm, **kms}
        with Server(smtp_count=6, config=config, directory=home) as server:
            through(server, {"vault": ARN + "vault", "tool": ARN + "tool", **hsm_arns, **kms_arns})
    finally:
        if moto is not None:
            moto.kill()
            moto.wait()
        vault.shutdown()
        shutil.rmtree(home, ignore_errors=True)


def through(server, arns):
    api, made, kept = server.api, {}, {}
    line = next(line for line in server.log().splitlines() if " core info: walls: " in line)
    check("the network" in line and "programs" in line, f"the walls do not say what they leave open: {line}")
    text = api.refused("ValidationException", "CreateArchive", ArchiveName="nobodys", KmsKeyArn=ARN + "nobody",
                       Retention=PERMANENT)
    check("KmsKeyArn" in text and "daybook.conf" in text, f"the refusal of an unknown key: {text}")
    for name, arn in [("own", None), *arns.items()]:
        more = {"KmsKeyArn": arn} if arn else {}
        archive = api.call("CreateArchive", ArchiveName=f"archive-{name}", Retention=PERMANENT, **more)["ArchiveId"]
        check_equal(api.call("GetArchive", ArchiveId=archive).get("KmsKeyArn"), arn, "the archive's KmsKeyArn")
        made[name] = Scenario(api, name=name, archive=archive)
        kept[name] = send_to(server, made[name], f"under {name}")
    shown = {item["ArchiveName"]: item for item in api.call("Daybook.ListKeys")["Archives"]}
    for name in arns:
        check_equal(shown[f"archive-{name}"]["ServiceName"], name, "who wraps the archive's key")
    check("vault" in daybook_command(server, "key", "list"), "key list names no service")
    server.stop()
    server.start()
    for name, scenario in made.items():
        scenario.api = server.api
        wait_for(f"{name} is there", lambda s=scenario: server.api.call("Daybook.GetKeyRotation", ArchiveId=s.archive)
                 ["State"] == "PRESENT", 20)
        server.api.call("GetArchiveMessageContent", ArchivedMessageId=kept[name])
        wait_for("it listens", scenario.is_active)
    rotates(server, made["tool"], kept["tool"])
    goes_away(server, made["vault"], kept["vault"], made["own"], kept["own"])
    destroys(server, made["tool"], kept["tool"])
    print(f"keys: {', '.join(arns)}: kept, restarted, rotated, away and back, destroyed")


def refuses_to_start(server, words):
    done = subprocess.run(server.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd=server.home, text=True, timeout=60, check=False)
    check(done.returncode != 0 and words in done.stdout, f"a start that must fail said {done.stdout[-1000:]}")


def file():
    """The installation's key file is replaced: catalog, audit log, archives and intake log hang on the new one afterwards."""
    with Server() as server:
        old, new = server.data + ".key", os.path.join(server.home, "next.key")
        base = {"server.hostname": "mail.test"}
        scenario = Scenario(server.api)
        sent = [send_to(server, scenario, "before")]
        daybook_command(server, "key", "rotate", scenario.archive, "--wait")
        sent.append(send_to(server, scenario, "in the intake log"))
        server.stop()
        server.write_config({**base, "keys.file": new})
        server.deaths_expected = server.quiet = True
        refuses_to_start(server, "is missing")
        for before, words in ((new, "the same file"), (os.path.join(server.home, "none.key"), "is missing")):
            server.write_config({**base, "keys.file": new, "keys.previous-file": before})
            refuses_to_start(server, words)
        server.write_config({**base, "keys.file": new, "keys.previous-file": old})
        for turn in range(2):
            server.start()
            scenario.api = server.api
            wait_for("it listens", scenario.is_active)
            for message in sent:
                server.api.call("GetArchiveMessageContent", ArchivedMessageId=message)
            sent.append(send_to(server, scenario, f"with both {turn}"))
            backup = os.path.join(server.home, f"backup-{turn}")
            daybook_command(server, "backup", "create", backup, "--config", server.config_path)
            shown = server.api.call("Daybook.GetKeyRotation", ArchiveId=scenario.archive)["ServiceKeyId"]
            with open(os.path.join(backup, "manifest"), encoding="ascii") as f:
                check(f"key {shown}\n" in f.read(), "the backup names another key than wraps the archive's")
            server.stop()
        log = server.log()
        check("files still need the key file" in log and "nothing needs the key file" in log, "the log does not say when it is over")
        os.rename(old, old + ".away")
        server.write_config({**base, "keys.file": new})
        server.start()
        for message in sent:
            server.api.call("GetArchiveMessageContent", ArchivedMessageId=message)
        check_equal(server.api.call("Daybook.VerifyAuditLog")["Problems"], [], "the audit log")
        server.stop()
        check_equal(server.verify()[0], len(sent), "messages verified")
        server.write_config({**base, "keys.file": old + ".away"})
        refuses_to_start(server, "wrapped by key")
        server.write_config({**base, "keys.file": new})
        server.start()
    print("keys: the key file is replaced; the old one opens nothing")


def find_in(path, needles):
    """Which of the needles a file holds."""
    found, tail, longest = set(), b"", max(map(len, needles))
    with open(path, "rb") as f:
        while chunk := f.read(1 << 22):
            text = tail + chunk
            found |= {needle for needle in needles if needle in text}
            tail = text[-longest:]
    return found


def core_dump(server, keys):
    """A dump that root takes of the running core holds no key; the kernel takes none at all."""
    pid = server.roles()["core"]
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        limit = next(line for line in f if line.startswith("Max core file size"))
    check_equal(limit.split()[4], "0", "largest core file the core process may leave")
    if shutil.which("gcore") is None or os.geteuid() != 0:
        print("no gcore, or no root: the dump is not taken")
        return
    dump = os.path.join(server.home, "dump")
    subprocess.run(["gcore", "-o", dump, str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False, timeout=120)
    path = f"{dump}.{pid}"
    if not os.path.exists(path):
        print("gcore takes no dump here")
        return
    found = find_in(path, keys)
    heap = find_in(path, {server.data.encode()})
    os.unlink(path)
    check(heap, "the control: the dump does not hold what lies in ordinary memory")
    check(not found, f"{len(found)} of {len(keys)} keys are in a dump of the core process")
    print("keys: none in a dump of the core process")


def rest():
    home = daybook.tempfile.mkdtemp(prefix="daybook-test-")
    seen = write(os.path.join(home, "tool-seen"), "")
    tool = write(os.path.join(home, "tool"), TOOL % seen, 0o700)
    config = {"keys.tool.type": "command", "keys.tool.program": tool, "keys.tool.paths": home,
              "keys.tool.arns": ARN + "tool", "archive.seal-minutes": 1}
    marker = "zebrafish-" + os.urandom(8).hex()
    try:
        with Server(config=config, directory=home) as server:
            archive = server.api.call("CreateArchive", ArchiveName="rest", Retention=PERMANENT,
                                      KmsKeyArn=ARN + "tool")["ArchiveId"]
            scenario = Scenario(server.api, archive=archive)
            smtp = Smtp(server.smtp[0])
            for i in range(REST_MESSAGES):
                smtp.send(simple_message(f"{marker} {i}", f"{marker} {i}\r\n" * 8))
            smtp.close()
            wait_for("everything is sealed", lambda: server.api.call("Daybook.GetStatus")["Archives"][0]
                     ["UnsealedMessages"] == 0, 180)
            daybook_command(server, "key", "rotate", archive, "--wait")
            check_equal(len(scenario.search(rows=1000)), 1000, "rows of the search")
            with open(server.data + ".key", "rb") as f:
                keys = {f.read()[12:44]}
            with open(seen, "rb") as f:
                text = f.read()
            keys |= {text[i:i + 32] for i in range(0, len(text), 32)}
            check(len(keys) >= 3, "the program saw fewer keys than there are")
            check(find_in(seen, keys), "the control does not find a key")
            core_dump(server, keys)
            needles = keys | {key.hex().encode() for key in keys} | {base64.b64encode(key)[:-2] for key in keys} | \
                {marker.encode(), marker.upper().encode(), base64.b64encode(marker.encode())[:-4]}
            files = 0
            for folder, _, names in os.walk(server.data):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path):
                        files += 1
                        found = find_in(path, needles)
                        check(not found, f"{path} holds {len(found)} of what must not be there")
            print(f"keys: {REST_MESSAGES} messages, {files} files: no plaintext, none of {len(keys)} keys")
    finally:
        shutil.rmtree(home, ignore_errors=True)


daybook.run({"tour": tour, "file": file, "rest": rest}[sys.argv[1] if len(sys.argv) > 1 else "tour"])
