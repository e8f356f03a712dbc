#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may send, and over what: passwords, client certificates, TLS policies, a certificate replaced while running."""
import base64
import os
import shutil
import signal
import ssl
import subprocess
import time

import daybook
from daybook import JOURNAL, Failure, Scenario, Server, Skip, Smtp, check, check_equal

FIRST, SECOND, THIRD = "first-Secret-1", "second-Secret-2", "third-Secret-3"


def openssl(*words, cwd):
    done = subprocess.run(["openssl", *words], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    check(done.returncode == 0, f"openssl {' '.join(words)}:\n{done.stdout}")


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def authenticate(smtp, method, user, password, code):
    if method == "PLAIN":
        return smtp.command(f"AUTH PLAIN {plain(user, password)}", code)
    smtp.command("AUTH LOGIN", 334)
    smtp.command(base64.b64encode(user.encode()).decode(), 334)
    return smtp.command(base64.b64encode(password.encode()).decode(), code)


def try_password(address, user, password, code, method="PLAIN"):
    """One session; sends a message when it is let in."""
    smtp = Smtp(address, tls=daybook.open_tls())
    try:
        authenticate(smtp, method, user, password, code)
        return smtp.send(daybook.simple_message("let in")) if code == 235 else None
    finally:
        smtp.close()


def passwords(server, address, other):
    scenario = Scenario(server.api, listen=address, kind="AUTH", tls="REQUIRED", name="auth",
                        configuration={"SmtpPassword": FIRST})
    stranger = Scenario(server.api, listen=other, kind="AUTH", tls="OPTIONAL", name="auth-2",
                        configuration={"SmtpPassword": THIRD}, archive=scenario.archive)
    smtp = Smtp(address)
    check(not any(line.startswith("AUTH") for line in smtp.extensions), "AUTH is offered without TLS")
    smtp.command("MAIL FROM:<a@example.test>", 530)
    smtp.close()
    smtp = Smtp(other)
    check(not any(line.startswith("AUTH") for line in smtp.extensions), "AUTH is offered without TLS")
    smtp.command("MAIL FROM:<a@example.test>", 530)
    smtp.close()
    smtp = Smtp(address, tls=daybook.open_tls())
    check("AUTH LOGIN PLAIN" in smtp.extensions, f"EHLO after TLS: {smtp.extensions}")
    smtp.command("MAIL FROM:<a@example.test>", 530)
    authenticate(smtp, "PLAIN", scenario.endpoint, "wrong-Secret-0", 535)
    authenticate(smtp, "LOGIN", scenario.endpoint, FIRST, 235)
    smtp.send(daybook.simple_message("after a slip"))
    smtp.close()
    kept = [try_password(address, scenario.endpoint, FIRST, 235, method) for method in ("PLAIN", "LOGIN")]
    try_password(address, stranger.endpoint, THIRD, 535)  # another endpoint's
    try_password(address, scenario.endpoint.upper(), FIRST, 535)

    configure = lambda password: server.api.call("UpdateIngressPoint", IngressPointId=scenario.endpoint,  # noqa: E731
                                                 IngressPointConfiguration={"SmtpPassword": password})
    configure(SECOND)
    daybook.wait_for("the new password is in force", lambda: let_in(address, scenario.endpoint, SECOND))
    kept.append(try_password(address, scenario.endpoint, FIRST, 235))  # the previous one is good for a while
    configure(THIRD)
    daybook.wait_for("the newest password is in force", lambda: let_in(address, scenario.endpoint, THIRD))
    try_password(address, scenario.endpoint, FIRST, 535)
    kept.append(try_password(address, scenario.endpoint, SECOND, 235))
    check_equal(len(set(kept)), 4, "messages sent with passwords")


def let_in(address, user, password):
    try:
        try_password(address, user, password, 235)
        return True
    except Failure:
        return False


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, name):
        self.folder, self.name = os.path.join(folder, name), name
        os.makedirs(self.folder)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
                "ca.key", "-out", "ca.crt", "-subj", f"/CN={name}", cwd=self.folder)
        with open(os.path.join(self.folder, "openssl.cnf"), "w", encoding="ascii") as f:
            f.write("[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=2\n")
        for file, text in (("index.txt", ""), ("crlnumber", "01\n")):
            with open(os.path.join(self.folder, file), "w", encoding="ascii") as f:
                f.write(text)

    def issue(self, name):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/O=Test/CN={name}", cwd=self.folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-out", f"{name}.crt", cwd=self.folder)
        return self.path(f"{name}.crt"), self.path(f"{name}.key")

    def revoke(self, name):
        openssl("ca", "-config", "openssl.cnf", "-keyfile", "ca.key", "-cert", "ca.crt", "-revoke", f"{name}.crt", cwd=self.folder)

    def crl(self):
        openssl("ca", "-config", "openssl.cnf", "-keyfile", "ca.key", "-cert", "ca.crt", "-gencrl", "-out", "ca.crl", cwd=self.folder)
        return self.text("ca.crl")

    def path(self, name):
        return os.path.join(self.folder, name)

    def text(self, name):
        with open(self.path(name), encoding="ascii") as f:
            return f.read()


def by_certificate(address, certificate, version=None):
    """The id of a message sent with this certificate; None when it was not taken."""
    context = daybook.open_tls()
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if certificate is not None:
        context.load_cert_chain(*certificate)
    smtp = None
    try:
        smtp = Smtp(address, tls=context)
        smtp.command("MAIL FROM:<a@example.test>", 250)
        code, lines = answer(smtp, f"RCPT TO:<{JOURNAL}>")
        if code != 250:
            check_equal((code, lines), (550, ["5.7.1 Client certificate required"]), "the answer without certificate")
            return None
        smtp.command("RSET", 250)
        return smtp.send(daybook.simple_message("by certificate"))
    except (ssl.SSLError, ConnectionError):
        return None
    finally:
        if smtp is not None:
            smtp.abort()


def answer(smtp, line):
    smtp.socket.sendall(line.encode() + b"\r\n")
    return smtp.reply()


def certificates(server, address):
    ours, theirs = Authority(server.home, "ours"), Authority(server.home, "theirs")
    good, other, bad, foreign = ours.issue("journal.example"), ours.issue("other.example"), ours.issue("lost.example"), \
        theirs.issue("journal.example")
    store = {"CAContent": ours.text("ca.crt"), "CrlContent": ours.crl()}
    scenario = Scenario(server.api, listen=address, kind="MTLS", tls="REQUIRED", name="mtls",
                        configuration={"TlsAuthConfiguration": {"TrustStore": store}})
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        check(by_certificate(address, good, version), f"a certificate of the authority by {version.name}")
        check_equal(by_certificate(address, None, version), None, f"no certificate by {version.name}")
        check_equal(by_certificate(address, foreign, version), None, f"a foreign certificate by {version.name}")
    check(by_certificate(address, bad), "a certificate that is not yet revoked")
    ours.revoke("lost.example")
    store["CrlContent"] = ours.crl()
    server.api.call("UpdateIngressPoint", IngressPointId=scenario.endpoint,
                    IngressPointConfiguration={"TlsAuthConfiguration": {"TrustStore": store}})
    daybook.wait_for("the revocation is in force", lambda: by_certificate(address, bad) is None)
    check(by_certificate(address, good), "a certificate that is not revoked")
    server.api.call("UpdateRuleSet", RuleSetId=scenario.rules, Rules=[{
        "Name": "by-name", "Actions": [{"Archive": {"TargetArchive": scenario.archive}}], "Conditions": [
            {"StringExpression": {"Evaluate": {"ClientCertificateAttribute": "CN"}, "Operator": "EQUALS",
                                  "Values": ["journal.example"]}}]}])
    time.sleep(0.5)
    before = len(scenario.search())
    by_certificate(address, good)
    by_certificate(address, other)  # let in, and archived by no rule
    check_equal(len(scenario.search()), before + 1, "messages that the rule by the certificate's name archived")


def handshake(address, ciphers=None, suites=None, version=None):
    """Whether a client that knows only these comes in, by openssl."""
    words = ["openssl", "s_client", "-starttls", "smtp", "-connect", address, "-brief"]
    words += ["-cipher", ciphers] if ciphers else []
    words += ["-ciphersuites", suites] if suites else []
    words += [f"-{version}"] if version else []
    done = subprocess.run(words, input="QUIT\r\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
                          check=False)
    return "CONNECTION ESTABLISHED" in done.stdout


def policies(server, required, optional, fips):
    Scenario(server.api, listen=required, tls="REQUIRED", name="required")
    Scenario(server.api, listen=optional, tls="OPTIONAL", name="optional")
    Scenario(server.api, listen=fips, tls="FIPS", name="fips")
    for address in (required, fips):
        smtp = Smtp(address)
        check_equal(smtp.command("MAIL FROM:<a@example.test>", 530), ["5.7.0 Must issue a STARTTLS command first"],
                    "the answer without TLS")
        smtp.close()
        smtp = Smtp(address, tls=daybook.open_tls())
        smtp.send(daybook.simple_message("over TLS"))
        smtp.close()
    smtp = Smtp(optional)
    smtp.send(daybook.simple_message("in the clear"))
    smtp.close()
    chacha = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    for address, want in ((required, True), (fips, False)):
        check_equal(handshake(address, ciphers=chacha, version="tls1_2"), want, f"ChaCha20 by TLS 1.2 at {address}")
        check_equal(handshake(address, suites="TLS_CHACHA20_POLY1305_SHA256", version="tls1_3"), want,
                    f"ChaCha20 by TLS 1.3 at {address}")
        check_equal(handshake(address, version="tls1_2"), True, f"TLS 1.2 at {address}")
        check_equal(handshake(address, suites="TLS_AES_256_GCM_SHA384", version="tls1_3"), True, f"TLS 1.3 at {address}")
        check_equal(handshake(address, version="tls1_1", ciphers="ALL:@SECLEVEL=0"), False, f"TLS 1.1 at {address}")


def shown_certificate(address):
    smtp = Smtp(address, tls=daybook.open_tls())
    try:
        return smtp.socket.getpeercert(binary_form=True)
    finally:
        smtp.close()


def replacement(server, address):
    """A new certificate by SIGHUP: old sessions go on, new ones see it; a broken one changes nothing."""
    tls = os.path.join(server.data, "tls")
    before = shown_certificate(address)
    session = Smtp(address, tls=daybook.open_tls())
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "new.key", "-out", "new.crt", "-subj",
            "/CN=mail.test", cwd=tls)
    for kind in ("key", "crt"):
        os.chmod(os.path.join(tls, f"new.{kind}"), 0o600)
        os.replace(os.path.join(tls, f"new.{kind}"), os.path.join(tls, f"smtp.{kind}"))
    server.process.send_signal(signal.SIGHUP)
    daybook.wait_for("the new certificate", lambda: shown_certificate(address) != before)
    with open(os.path.join(tls, "smtp.crt"), encoding="ascii") as f:
        want = ssl.PEM_cert_to_DER_cert(f.read())
    check(shown_certificate(address) == want, "the certificate that is shown is not the one in the file")
    session.send(daybook.simple_message("from an old session"))
    session.close()
    with open(os.path.join(tls, "smtp.crt"), "w", encoding="ascii") as f:
        f.write("this is no certificate\n")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    check(shown_certificate(address) == want, "a broken certificate changed what is shown")
    smtp = Smtp(address, tls=daybook.open_tls())
    smtp.send(daybook.simple_message("after a broken certificate"))
    smtp.close()


def main():
    if shutil.which("openssl") is None:
        raise Skip("openssl is not installed")
    with Server(smtp_count=6) as server:
        passwords(server, server.smtp[0], server.smtp[1])
        certificates(server, server.smtp[2])
        policies(server, *server.smtp[3:6])
        replacement(server, server.smtp[3])
    print("endpoints: passwords, client certificates, TLS policies and a new certificate as they should be")


daybook.run(main)
