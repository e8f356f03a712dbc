#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages as large as allowed, and one octet more; the limits of server and policy."""
import base64
import os
import threading

import daybook
from daybook import JOURNAL, Scenario, Server, Smtp, check, check_equal

LIMIT = 40 << 20
POLICY_LIMIT = 100_000


def filled(size):
    """A message of exactly this size: text, and an attachment that fills it."""
    head = (b"From: a@example.test\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n"
            b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n")
    end = b"\r\n--b--\r\n"
    lines = base64.encodebytes(os.urandom(size)).replace(b"\n", b"\r\n")
    return head + lines[:size - len(head) - len(end) - 2].rstrip(b"\r").ljust(size - len(head) - len(end), b"A") + end


def refused(address, message, bdat, code):
    """The code of the answer to a message that is too large, wherever it comes."""
    smtp = Smtp(address)
    try:
        smtp.send(message, bdat=bdat)
        raise AssertionError("a message that is too large was kept")
    except daybook.Failure as e:
        check(f"SMTP reply {code} " in str(e), f"the answer to a message that is too large: {e}")
    except (BrokenPipeError, ConnectionError):
        pass  # the server need not read it all
    finally:
        smtp.close()


def both_ways(address, message, kept):
    def one(bdat):
        smtp = Smtp(address, timeout=120)
        kept[smtp.send(message, bdat=bdat)] = message
        smtp.close()
    threads = [threading.Thread(target=one, args=(bdat,)) for bdat in (False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_equal(len(kept), 2, "large messages kept")


def main():
    with Server(smtp_count=2) as server:
        scenario = Scenario(server.api, listen=server.smtp[0])
        message = filled(LIMIT)
        check_equal(len(message), LIMIT, "size of the message")
        kept = {}
        both_ways(server.smtp[0], message, kept)
        for key in kept:
            link = server.api.call("GetArchiveMessage", ArchivedMessageId=key)["MessageDownloadLink"]
            status, body = daybook.download(link, server.http)
            check(status == 200 and body == message, f"the download of a large message: {status}, {len(body)} octets")
            text = server.api.call("GetArchiveMessageContent", ArchivedMessageId=key)["Body"]["Text"]
            check_equal(text.strip(), "See the attachment.", "the text of a large message")
        for bdat in (False, True):
            refused(server.smtp[0], message + b"\r\n", bdat, 552)
        smtp = Smtp(server.smtp[0])
        check(f"SIZE {LIMIT}" in smtp.extensions, f"SIZE in {smtp.extensions}")
        smtp.command(f"MAIL FROM:<a@example.test> SIZE={LIMIT + 1}", 552)
        smtp.command(f"MAIL FROM:<a@example.test> SIZE={LIMIT}", 250)
        smtp.command(f"RCPT TO:<{JOURNAL}>", 250)
        smtp.close()

        small = Scenario(server.api, listen=server.smtp[1], name="small", archive=scenario.archive)
        server.api.call("UpdateTrafficPolicy", TrafficPolicyId=small.policy, MaxMessageSizeBytes=POLICY_LIMIT)
        daybook.wait_for("the limit of the policy", lambda: f"SIZE {POLICY_LIMIT}" in Smtp(server.smtp[1]).extensions)
        smtp = Smtp(server.smtp[1])
        fits = filled(POLICY_LIMIT)
        kept[smtp.send(fits)] = fits
        smtp.command(f"MAIL FROM:<a@example.test> SIZE={POLICY_LIMIT + 1}", 552)
        smtp.close()
        refused(server.smtp[1], fits + b"\r\n", False, 552)
        check_equal(len(scenario.search()), len(kept), "messages kept")
        name = scenario.export("s3://large/out")
        _, digests = daybook.read_export(os.path.join(server.exported("s3://large/out"), name))
        check_equal(digests, {key: daybook.sha256(content) for key, content in kept.items()}, "what is kept")
    print(f"large: {len(kept)} messages up to {LIMIT} octets, equal; one octet more is refused")


daybook.run(main)
