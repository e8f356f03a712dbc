#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole life of journaled mail through the real sockets: set up, receive, search, read, export, take down."""
import json
import os
import time
import uuid

import daybook
from daybook import JOURNAL, Failure, Scenario, Server, Smtp, check, check_equal, sha256


def report(subject, original_from):
    """A journal report: an envelope part and the original message as it was."""
    boundary = uuid.uuid4().hex
    original = (f"From: {original_from}\r\nTo: Team <team@journaling.solutions>\r\nSubject: {subject}\r\n"
                f"Message-ID: <{uuid.uuid4().hex}@journaling.solutions>\r\n\r\n"
                "Figures are attached.\r\n.\r\n..two dots\r\n")
    return (f"From: <journal@journaling.solutions>\r\nTo: <{JOURNAL}>\r\nSubject: {subject}\r\n"
            f"Message-ID: <{uuid.uuid4().hex}@journaling.solutions>\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n"
            f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nSender: {original_from}\r\nSubject: {subject}\r\n\r\n"
            f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n--{boundary}--\r\n").encode()


def receive(server):
    """Sends reports and a stray; {id: bytes}."""
    sent = {}
    smtp = Smtp(server.smtp[0])
    for extension in ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN", "STARTTLS"):
        check(extension in smtp.extensions, f"EHLO does not offer {extension}: {smtp.extensions}")
    check(any(word.startswith("SIZE ") for word in smtp.extensions), "EHLO does not offer SIZE")
    for subject in ("Offer 71450/36214", "Minutes of the board", "Re: Offer 71450/36214", "Privileged: Smith v. Acme"):
        message = report(subject, "Anna Berg <anna.berg@journaling.solutions>")
        sent[smtp.send(message, sender="")] = message
    stray = daybook.simple_message("hello?", "Who reads this address?\r\n")
    sent[smtp.send(stray, sender="somebody@elsewhere.example")] = stray
    smtp.command("MAIL FROM:<somebody@elsewhere.example>", 250)
    lines = smtp.command("RCPT TO:<somebody.else@journaling.solutions>", 550)
    check_equal(lines, ["5.7.1 Recipient not permitted"], "the answer to another recipient")
    smtp.command("DATA", 554)
    smtp.command("RSET", 250)
    smtp.close()
    check_equal(len(sent), 5, "different ids")
    return sent, stray


def look(scenario, server, sent, stray):
    rows = scenario.search(hours=12)
    check_equal([row["ArchivedMessageId"] for row in rows], list(reversed(list(sent))), "rows, newest first")
    row = rows[0]
    check_equal(row["Subject"], "hello?", "subject of the stray")
    check_equal(row["Envelope"]["From"], "somebody@elsewhere.example", "envelope sender")
    check_equal(row["Envelope"]["To"], [JOURNAL], "envelope recipients")
    check_equal(row["HasAttachments"], False, "attachments of the stray")
    check(abs(row["ReceivedTimestamp"] - time.time()) < 120, "the time of reception is not now")

    found = scenario.search(Filters={"Include": [{"StringExpression": {
        "Evaluate": {"Attribute": "SUBJECT"}, "Operator": "CONTAINS", "Values": ["71450/36214"]}}]})
    check_equal(len(found), 2, "rows with the offer's number")
    found = scenario.search(Filters={"Unless": [{"StringExpression": {
        "Evaluate": {"Attribute": "ENVELOPE_FROM"}, "Operator": "CONTAINS", "Values": ["ELSEWHERE"]}}]})
    check_equal(len(found), 4, "rows but those from elsewhere")

    for key, content in sent.items():
        got = scenario.api.call("GetArchiveMessage", ArchivedMessageId=key)
        check_equal(got["Metadata"]["IngressPointId"], scenario.endpoint, "ingress point in the metadata")
        status, body = daybook.download(got["MessageDownloadLink"], server.http)
        check_equal(status, 200, "status of the download")
        check(body == content, f"the download of {key} is not what was sent")
    status, _ = daybook.download(got["MessageDownloadLink"][:-1] + "!", server.http)
    check(status in (400, 403), f"a link that was tampered with answered {status}")
    text = scenario.api.call("GetArchiveMessageContent", ArchivedMessageId=rows[0]["ArchivedMessageId"])["Body"]
    check_equal(text["Text"].replace("\r\n", "\n"), "Who reads this address?\n", "the text of the stray")
    check(stray == sent[rows[0]["ArchivedMessageId"]], "the newest row is not the stray")


def export(scenario, server, sent):
    name = scenario.export("s3://evidence/2026/q4", IncludeMetadata=True)
    directory = os.path.join(server.exported("s3://evidence/2026/q4"), name)
    manifest, digests = daybook.read_export(directory, len(sent))
    check_equal(digests, {key: sha256(content) for key, content in sent.items()}, "digests of the exported messages")
    check_equal(manifest["ArchiveId"], scenario.archive, "archive in the manifest")
    for entry in manifest["Messages"]:
        with open(os.path.join(directory, entry["MetadataFile"]), "rb") as f:
            text = f.read()
        check_equal(sha256(text), entry["MetadataSha256"], "digest of the metadata")
        check_equal(json.loads(text)["sha256"], entry["Sha256"], "digest in the metadata")


def take_down(scenario, server):
    """In the wrong order first: every conflict says what stands in the way."""
    api = scenario.api
    api.refused("ConflictException", "DeleteTrafficPolicy", TrafficPolicyId=scenario.policy)
    api.refused("ConflictException", "DeleteRuleSet", RuleSetId=scenario.rules)
    api.call("DeleteIngressPoint", IngressPointId=scenario.endpoint)

    def gone():
        try:
            api.call("GetIngressPoint", IngressPointId=scenario.endpoint)
        except daybook.ApiError as e:
            check_equal(e.name, "ResourceNotFoundException", "after the deletion")
            return True
        return False
    daybook.wait_for("the ingress point is gone", gone)
    try:
        Smtp(server.smtp[0]).close()
        raise Failure("the deleted ingress point still listens")
    except (ConnectionRefusedError, ConnectionResetError):
        pass
    api.call("DeleteTrafficPolicy", TrafficPolicyId=scenario.policy)
    api.call("DeleteRuleSet", RuleSetId=scenario.rules)
    api.call("DeleteArchive", ArchiveId=scenario.archive)
    check_equal(api.call("GetArchive", ArchiveId=scenario.archive)["ArchiveState"], "PENDING_DELETION", "archive state")
    api.refused("ConflictException", "CreateArchive", ArchiveName="journaling-archive-demo")
    api.call("DeleteArchive", ArchiveId=scenario.archive)


def main():
    with Server() as server:
        scenario = Scenario(server.api)
        check_equal(scenario.tags().get("daybook:listening"), server.smtp[0], "tag daybook:listening")
        sent, stray = receive(server)
        look(scenario, server, sent, stray)
        export(scenario, server, sent)
        server.stop()
        server.start()  # and everything is still there
        scenario.api = server.api
        daybook.wait_for("the ingress point is active", scenario.is_active)
        look(scenario, server, sent, stray)
        take_down(scenario, server)
    print(f"walkthrough: {len(sent)} messages received, found, read and exported, byte for byte")


daybook.run(main)
