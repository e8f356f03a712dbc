#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that nobody here wrote. clients.py NAME, where NAME is one of the functions with that prefix below.

The service model for awscli and boto3 is DAYBOOK_SERVICE_MODEL, where there is one.
"""
import json
import os
import shutil
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
import daybook  # noqa: E402  (its folder is known only now)
from daybook import JOURNAL, Scenario, Server, Skip, check, check_equal, sha256  # noqa: E402

PASSWORD = "correct-Horse-1"
REFUSED = "somebody.else@journaling.solutions"
SWAKS_AUTH_FAILED = 28
AWS_CLIENT_ERROR = 254


def need(program, *more):
    """The program's path, or a skip."""
    path = shutil.which(program, path=os.pathsep.join(["/usr/bin", "/usr/sbin", os.environ.get("PATH", ""), *more]))
    if path is None:
        raise Skip(f"{program} is not installed")
    return path


def call(words, want=0, text="", **options):
    """Runs a program; its output, both streams."""
    done = subprocess.run(words, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          check=False, **options)
    check(done.returncode == want, f"{' '.join(words)} ended with {done.returncode}, want {want}:\n{done.stdout}")
    return done.stdout


def install_model(home):
    """The service model where botocore looks for one; the same model for all, by the protocol that all of them know."""
    path = os.environ.get("DAYBOOK_SERVICE_MODEL", "")
    if not os.path.isfile(path):
        raise Skip("DAYBOOK_SERVICE_MODEL names no file")
    with open(path, encoding="utf-8") as f:
        model = json.load(f)
    model["metadata"]["protocol"] = "json"
    model["metadata"].pop("protocols", None)
    changed = os.path.join(home, "service.json")
    with open(changed, "w", encoding="utf-8") as f:
        json.dump(model, f)
    return changed


def kept_with(scenario, subject, count=1):
    """The bytes of the messages with this subject."""
    rows = [row for row in scenario.search() if row["Subject"] == subject]
    check_equal(len(rows), count, f"messages with the subject {subject}")
    link = scenario.api.call("GetArchiveMessage", ArchivedMessageId=rows[0]["ArchivedMessageId"])
    status, content = daybook.download(link["MessageDownloadLink"], scenario.api.address)
    check_equal(status, 200, "status of the download")
    return content, link["Metadata"], rows[0]


def auth_scenario(server, name, tls="REQUIRED"):
    return Scenario(server.api, listen=server.smtp[0], kind="AUTH", tls=tls, name=name,
                    configuration={"SmtpPassword": PASSWORD})


def client_awscli():
    """Debian's own, with a model added as its users do it."""
    aws = need("aws")
    with Server() as server:
        model = install_model(server.home)
        environment = {"HOME": server.home, "PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "",
                       "AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials"), "AWS_DEFAULT_OUTPUT": "json"}
        version = call([aws, "--version"], env=environment).strip()
        if not version.startswith("aws-cli/"):
            raise Skip(f"{aws} is {version}")
        call([aws, "configure", "add-model", "--service-name", "mailmanager", "--service-model", "file://" + model],
             env=environment)

        def mailmanager(*words, want=0):
            output = call([aws, "mailmanager", *words, "--endpoint-url", f"http://{server.http}"], want, env=environment)
            return json.loads(output) if want == 0 and output.strip() else output
        archive = mailmanager("create-archive", "--archive-name", "cli", "--retention", "RetentionPeriod=PERMANENT")["ArchiveId"]
        scenario = Scenario(server.api, name="cli", archive=archive)
        smtp = daybook.Smtp(server.smtp[0])
        key = smtp.send(daybook.simple_message("by the command line", "Grüße\r\n"))
        smtp.close()
        text = mailmanager("create-archive", "--archive-name", "cli", want=AWS_CLIENT_ERROR)
        check("(ConflictException)" in text, f"the conflict as the CLI shows it: {text}")
        now = int(time.time())
        search = mailmanager("start-archive-search", "--archive-id", archive, "--from-timestamp", str(now - 43200),
                             "--to-timestamp", str(now + 60), "--max-results", "10", "--filters", json.dumps(
                                 {"Include": [{"StringExpression": {"Evaluate": {"Attribute": "SUBJECT"},
                                                                    "Operator": "CONTAINS", "Values": ["LINE"]}}]}))
        rows = scenario.results(search["SearchId"])
        check_equal([row["ArchivedMessageId"] for row in rows], [key], "rows of the search")
        shown = mailmanager("get-archive-search-results", "--search-id", search["SearchId"])["Rows"]
        check_equal([row["Subject"] for row in shown], ["by the command line"], "subjects that the CLI shows")
        body = mailmanager("get-archive-message-content", "--archived-message-id", key)["Body"]
        check("Grüße" in body["Text"], f"the text that the CLI shows: {body}")
        listed = mailmanager("list-ingress-points")["IngressPoints"]
        check_equal([point["Status"] for point in listed], ["ACTIVE"], "state that the CLI shows")
        arn = mailmanager("get-archive", "--archive-id", archive)["ArchiveArn"]
        mailmanager("tag-resource", "--resource-arn", arn, "--tags", "Key=team,Value=legal")
        check_equal(mailmanager("list-tags-for-resource", "--resource-arn", arn)["Tags"],
                    [{"Key": "team", "Value": "legal"}], "tags that the CLI shows")
        mailmanager("delete-archive", "--archive-id", archive)
        print(version)


def client_boto3():
    try:
        import boto3
        import botocore
        import botocore.exceptions
    except ImportError:
        raise Skip("boto3 is not installed") from None
    with Server() as server:
        key, secret = server.credentials()
        os.environ["HOME"] = server.home
        session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
        if "mailmanager" not in session.get_available_services():
            folder = os.path.join(server.home, ".aws", "models", "mailmanager", "2023-10-17")
            os.makedirs(folder)
            os.rename(install_model(server.home), os.path.join(folder, "service-2.json"))
            session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
        api = session.client("mailmanager", endpoint_url=f"http://{server.http}")
        archive = api.create_archive(ArchiveName="boto", Retention={"RetentionPeriod": "ONE_YEAR"})["ArchiveId"]
        for i in range(5):
            api.create_archive(ArchiveName=f"boto-{i}", ClientToken="t" * (i + 1))
        check_equal(api.create_archive(ArchiveName="boto-0", ClientToken="t")["ArchiveId"] != archive, True, "another id")
        if api.can_paginate("list_archives"):
            pages = list(api.get_paginator("list_archives").paginate(PaginationConfig={"PageSize": 2}))
            check_equal([len(page["Archives"]) for page in pages], [2, 2, 2], "archives by page")
        try:
            api.create_archive(ArchiveName="boto")
            raise daybook.Failure("a name was given twice")
        except api.exceptions.ConflictException as e:
            check_equal(e.response["ResponseMetadata"]["HTTPStatusCode"], 409, "status of a conflict")
        try:
            api.get_archive(ArchiveId="a-aaaaaaaaaaaaaaaaaaaaaaaa")
            raise daybook.Failure("an archive that never was is shown")
        except api.exceptions.ResourceNotFoundException:
            pass
        stranger = session.client("mailmanager", endpoint_url=f"http://{server.http}", aws_access_key_id=key,
                                  aws_secret_access_key="x" * 40)
        try:
            stranger.list_archives()
            raise daybook.Failure("a wrong secret was let in")
        except botocore.exceptions.ClientError as e:
            check_equal(e.response["Error"]["Code"], "InvalidSignatureException", "code for a wrong secret")
        scenario = Scenario(server.api, name="boto", archive=archive)
        smtp = daybook.Smtp(server.smtp[0])
        message = daybook.simple_message("by boto")
        key = smtp.send(message)
        smtp.close()
        now = time.time()
        search = api.start_archive_search(ArchiveId=archive, FromTimestamp=now - 3600, ToTimestamp=now + 60, MaxResults=10)
        scenario.results(search["SearchId"])
        rows = api.get_archive_search_results(SearchId=search["SearchId"])["Rows"]
        check_equal([row["ArchivedMessageId"] for row in rows], [key], "rows by boto3")
        check_equal(abs(rows[0]["ReceivedTimestamp"].timestamp() - now) < 120, True, "the time of reception is now")
        link = api.get_archive_message(ArchivedMessageId=key)["MessageDownloadLink"]
        check_equal(daybook.download(link, server.http), (200, message), "the download")
        print(f"boto3 {boto3.__version__}")


def client_swaks():
    swaks = need("swaks")
    with Server() as server:
        scenario = auth_scenario(server, "swaks", tls="OPTIONAL")
        host, port = server.smtp[0].split(":")
        base = [swaks, "--server", host, "--port", port, "--from", "swaks@example.test", "--timeout", "20", "--helo", "swaks.test"]

        def send(subject, *words, want=0, to=JOURNAL):
            return call([*base, "--to", to, "--header", f"Subject: {subject}", *words], want)
        for method in ("PLAIN", "LOGIN"):
            user = ["--auth", method, "--auth-user", scenario.endpoint, "--auth-password"]
            send(f"swaks {method}", "--tls", *user, PASSWORD)
            content, metadata, row = kept_with(scenario, f"swaks {method}")
            check(b"This is a test mailing" in content, "the text of swaks")
            check(metadata.get("TlsProtocol", "").startswith("TLSv1"), f"TLS in the metadata: {metadata}")
            check_equal(row["Envelope"].get("Helo"), "swaks.test", "the name in EHLO")
            output = send("never", "--tls", *user, "wrong", want=SWAKS_AUTH_FAILED)
            check("535 " in output, f"the answer to a wrong password:\n{output}")
            send("never", *user, PASSWORD, want=SWAKS_AUTH_FAILED)  # AUTH is not offered without TLS
        user = ["--auth", "PLAIN", "--auth-user", scenario.endpoint, "--auth-password", PASSWORD]
        send("swaks pipeline", "--tls", "--pipeline", *user)
        kept_with(scenario, "swaks pipeline")
        send("swaks 1.2", "--tls", "--tls-protocol", "tlsv1_2", *user)
        check_equal(kept_with(scenario, "swaks 1.2")[1]["TlsProtocol"], "TLSv1.2", "TLS in the metadata")
        output = send("never", "--tls", *user, want=24, to=REFUSED)
        check("550 5.7.1" in output, f"the answer for another recipient:\n{output}")
        check_equal(len(scenario.search()), 4, "messages kept")


def client_smtplib():
    with Server() as server:
        scenario = auth_scenario(server, "smtplib")
        host, port = server.smtp[0].split(":")
        with smtplib.SMTP(host, int(port), local_hostname="python.test", timeout=30) as smtp:
            try:
                smtp.sendmail("a@example.test", [JOURNAL], b"Subject: never\r\n\r\n")
                raise daybook.Failure("mail was taken without TLS")
            except smtplib.SMTPSenderRefused as e:
                check_equal(e.smtp_code, 530, "the answer without TLS")
            smtp.starttls(context=daybook.open_tls())
            smtp.login(scenario.endpoint, PASSWORD)
            raw = b"From: a@example.test\r\nSubject: smtplib raw\r\n\r\n.\r\n..\r\n\xff\xfe 8-bit\r\n" + b"x" * 5000 + b"\r\n"
            smtp.sendmail("a@example.test", [JOURNAL], raw, mail_options=["BODY=8BITMIME"])
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "Jörg <jörg@bücher.example>", JOURNAL, "smtplib utf8"
            message.set_content("Grüße\n")
            smtp.send_message(message)
            refused = smtp.sendmail("a@example.test", [JOURNAL, REFUSED], b"Subject: smtplib two\r\n\r\nx\r\n")
            check_equal(refused[REFUSED][0], 550, "the answer for one recipient of two")
            many = [f"{JOURNAL}"] * 100
            smtp.sendmail("a@example.test", many, b"Subject: smtplib hundred\r\n\r\nx\r\n", rcpt_options=["NOTIFY=NEVER"])
        content, _, _ = kept_with(scenario, "smtplib raw")
        check_equal(sha256(content), sha256(raw), "the digest of what smtplib sent")
        row = kept_with(scenario, "smtplib utf8")[2]
        check_equal(row["Envelope"]["From"], "jörg@bücher.example", "the sender with SMTPUTF8")
        check_equal(kept_with(scenario, "smtplib two")[2]["Envelope"]["To"], [JOURNAL], "recipients of two")
        kept_with(scenario, "smtplib hundred")


class Talk:
    """A dialogue with a program that passes lines on."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def say(self, line, want):
        self.process.stdin.write(line.encode() + b"\r\n")
        self.process.stdin.flush()
        return self.hear(want)

    def hear(self, want):
        while line := self.process.stdout.readline().decode("utf-8", "replace"):
            if line[:3].isdigit() and line[3:4] == " ":
                check_equal(line[:3], want, f"reply {line.strip()}")
                return line.strip()
        raise daybook.Failure(f"no reply {want}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(20) is None:
            self.process.kill()


def client_openssl():
    openssl = need("openssl")
    with Server() as server:
        scenario = Scenario(server.api, tls="REQUIRED", name="openssl")
        base = [openssl, "s_client", "-starttls", "smtp", "-connect", server.smtp[0], "-name", "openssl.test"]
        trusted = ["-CAfile", os.path.join(server.data, "tls", "smtp.crt"), "-verify_return_error", "-verify_hostname", "mail.test"]
        for version in ("tls1_2", "tls1_3"):
            talk = Talk([*base, *trusted, "-quiet", f"-{version}"])
            try:
                # s_client consumes the greeting and its own EHLO; -quiet shows the end of the latter
                talk.say("NOOP", "250")
                talk.say("EHLO openssl.test", "250")
                talk.say("MAIL FROM:<a@example.test>", "250")
                talk.say(f"RCPT TO:<{JOURNAL}>", "250")
                talk.say("DATA", "354")
                talk.say(f"Subject: openssl {version}\r\n\r\nhello\r\n.", "250")
                talk.say("QUIT", "221")
            finally:
                talk.close()
            _, metadata, _ = kept_with(scenario, f"openssl {version}")
            check_equal(metadata["TlsProtocol"], "TLSv1." + version[-1], "TLS in the metadata")
        for old in ("tls1", "tls1_1"):
            output = call([*base, f"-{old}", "-cipher", "ALL:@SECLEVEL=0"], want=1)
            check("Protocol  :" not in output or "Cipher    : 0000" in output, f"{old} was accepted:\n{output}")


def postfix_start(directory, port, relay):
    """A Postfix of our own in `directory`, which relays everything."""
    for name in ("etc", "queue", "data"):
        os.mkdir(os.path.join(directory, name))
    shutil.chown(os.path.join(directory, "data"), "postfix", "postfix")
    host, _, relay_port = relay.rpartition(":")
    settings = {
        "compatibility_level": "3.6", "queue_directory": f"{directory}/queue", "data_directory": f"{directory}/data",
        "maillog_file": f"{directory}/mail.log", "maillog_file_prefixes": directory, "myhostname": "postfix.test",
        "mydestination": "", "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
        "relayhost": f"[{host}]:{relay_port}", "smtp_tls_security_level": "encrypt", "smtp_tls_loglevel": "1",
        "disable_dns_lookups": "yes", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
        "queue_run_delay": "1s", "smtp_destination_concurrency_limit": "5", "alias_maps": "", "alias_database": "",
        "local_recipient_maps": "", "smtpd_relay_restrictions": "permit_mynetworks, reject",
    }
    with open(f"{directory}/etc/main.cf", "w", encoding="ascii") as f:
        f.writelines(f"{key} = {value}\n" for key, value in settings.items())
    services = [f"127.0.0.1:{port} inet n - n - - smtpd"] + [
        f"{name} unix {private} - n {wakeup} {limit} {program}" for name, private, wakeup, limit, program in (
            ("pickup", "n", "60", "1", "pickup"), ("cleanup", "n", "-", "0", "cleanup"), ("qmgr", "n", "300", "1", "qmgr"),
            ("tlsmgr", "-", "1000?", "1", "tlsmgr"), ("rewrite", "-", "-", "-", "trivial-rewrite"),
            ("bounce", "-", "-", "0", "bounce"), ("defer", "-", "-", "0", "bounce"), ("trace", "-", "-", "0", "bounce"),
            ("flush", "n", "1000?", "0", "flush"), ("smtp", "-", "-", "-", "smtp"), ("relay", "-", "-", "-", "smtp"),
            ("showq", "n", "-", "-", "showq"), ("error", "-", "-", "-", "error"), ("retry", "-", "-", "-", "error"),
            ("discard", "-", "-", "-", "discard"), ("anvil", "-", "-", "1", "anvil"), ("scache", "-", "-", "1", "scache"))]
    services.append("postlog unix-dgram n - n - 1 postlogd")
    with open(f"{directory}/etc/master.cf", "w", encoding="ascii") as f:
        f.write("\n".join(services) + "\n")
    call(["postfix", "-c", f"{directory}/etc", "start"])


def client_postfix():
    """The journaling MTA in front: relays over TLS, keeps what we cannot take, bounces what we refuse."""
    need("postfix")
    if os.geteuid() != 0:
        raise Skip("Postfix needs root to start")
    os.environ["PATH"] = "/usr/sbin:/usr/bin:" + os.environ["PATH"]
    with Server() as server:
        scenario = Scenario(server.api, tls="REQUIRED", name="postfix")
        os.chmod(server.home, 0o711)
        directory = os.path.join(server.home, "postfix")
        os.mkdir(directory, 0o755)
        os.chmod(directory, 0o755)
        port = daybook.free_ports(1)[0]
        postfix_start(directory, port, server.smtp[0])
        try:
            postfix_relays(server, scenario, port)
        except BaseException:
            with open(f"{directory}/mail.log", encoding="utf-8", errors="replace") as f:
                print("---- log of Postfix\n" + f.read()[-4000:])
            raise
        finally:
            call(["postfix", "-c", f"{directory}/etc", "stop"])


def postfix_relays(server, scenario, port):
    def send(subject, body, to=JOURNAL):
        with smtplib.SMTP("127.0.0.1", port, local_hostname="app.test", timeout=30) as smtp:
            smtp.sendmail("app@example.test", [to], daybook.simple_message(subject, body))

    def subjects():
        return sorted(row["Subject"] for row in scenario.search())
    for i in range(20):
        send(f"relayed {i:02}", f"body {i}\r\n.\r\n..\r\n" * (i + 1))
    want = [f"relayed {i:02}" for i in range(20)]
    daybook.wait_for("what Postfix relays", lambda: subjects() == want, 30)
    content, metadata, row = kept_with(scenario, "relayed 07")
    check(content.startswith(b"Received: from app.test"), "what Postfix puts on top")
    check(content.endswith(b"\r\n\r\n" + b"body 7\r\n.\r\n..\r\n" * 8), "the body as it was sent")
    check(metadata["TlsProtocol"].startswith("TLSv1"), f"TLS in the metadata: {metadata}")
    check_equal(row["Envelope"]["Helo"], "postfix.test", "the name in EHLO")
    server.stop()
    send("while away", "Postfix keeps it\r\n")
    time.sleep(1)
    server.start()
    scenario.api = server.api
    want.append("while away")

    def kept():
        # A flush that comes while the first attempt is still under way is passed over by Postfix.
        if subjects() == want:
            return True
        call(["postqueue", "-c", os.path.join(server.home, "postfix", "etc"), "-f"])
        time.sleep(1)
        return False
    daybook.wait_for("what Postfix kept for us", kept, 60)
    send("not for us", "x\r\n", to=REFUSED)
    log = os.path.join(server.home, "postfix", "mail.log")

    def bounced():
        with open(log, encoding="utf-8", errors="replace") as f:
            return [line for line in f if f"to=<{REFUSED}>" in line and "status=bounced" in line and "550 5.7.1" in line]
    daybook.wait_for("the refused message is returned", bounced, 30)
    check_equal(subjects(), want, "messages kept")


def main():
    names = {name.removeprefix("client_"): f for name, f in globals().items() if name.startswith("client_")}
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        raise SystemExit(f"clients.py {'|'.join(sorted(names))}")
    names[sys.argv[1]]()
    print(f"{sys.argv[1]}: as it should be")


daybook.run(main)
