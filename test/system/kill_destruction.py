#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 while mail is destroyed: what was approved goes and is certified, what is held stays, nothing comes back.

kill_destruction.py [--archives N] [--seed N]

Mail of today in archives of three months, one that is deleted and one without an end; then the same directory a hundred
days later. Dispositions and erasures are approved one after the other, and the core, or all of it, is killed at random
moments of each.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import signal
import time

import daybook
from daybook import ALLOW_JOURNAL, ApiError, Server, Smtp, Skip, check, check_equal, sha256, wait_for

SHIFT = os.environ.get("DAYBOOK_CLOCK_SHIFT", "")
DAYS = 100
MESSAGES = 24  # of each archive
KILLS = 3  # at most, of one job
CONFIG = {"archive.log-mib": 1, "archive.reserve-mib": 1, "retention.approval": "manual", "server.log": "info"}


class Pile:
    """An archive and what was sent to it: {id: digest}."""

    def __init__(self, name, period):
        self.name, self.period = name, period
        self.archive = None
        self.sent, self.held, self.gone = {}, set(), set()


class Story:
    def __init__(self, server, dice):
        self.server, self.dice = server, dice
        self.kills = self.in_time = self.midway = 0

    def ask(self, operation, **members):
        """A call that is made again while processes are away."""
        def attempt():
            try:
                self.server.api.ahead = DAYS * 86400
                return [self.server.api.call(operation, **members)]
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self.server.api.close()
            except ApiError as e:
                if e.status < 500:
                    raise
            return None
        return wait_for(operation, attempt, 30)[0]

    def kill(self):
        """The core, or everything; the data are verified in between now and then."""
        self.kills += 1
        if self.dice.random() < 0.5:
            core = self.server.roles().get("core")
            if core is not None:
                os.kill(core, signal.SIGKILL)
                return
        self.server.kill()
        if self.dice.random() < 0.3:
            self.server.verify()
        self.server.start()

    def approve(self, operation, **members):
        """An answer that a kill took is no answer; the second time it is decided already."""
        try:
            self.ask(operation, **members)
        except ApiError as e:
            check_equal(e.name, "ConflictException", f"{operation} was refused by")

    def wake(self):
        """A start lets destruction wait for seconds; somebody who says that the clock is right does not."""
        self.ask("Daybook.ConfirmClock", KnownTimestamp=time.time() + DAYS * 86400)

    def through(self, what, done):
        """Kills at random moments while done() is false, then waits until it is true."""
        for _ in range(self.dice.randint(1, KILLS)):
            time.sleep(self.dice.random() ** 2 * 0.5)
            self.kill()
            if done():
                break
            self.in_time += 1
            found = self.ask("Daybook.ListDispositions")["Dispositions"]
            self.midway += any(d["State"] == "RUNNING" for d in found)
            self.wake()
        wait_for(what, done, 40)


def message(dice, subject, sender):
    body = dice.randbytes(dice.choice((200, 2_000, 20_000, 60_000))).hex().encode()
    lines = b"\r\n".join(body[i:i + 76] for i in range(0, len(body), 76))
    return f"From: {sender}@example.test\r\nSubject: {subject}\r\n\r\n".encode() + lines + b"\r\n"


def today(server, dice, piles):
    """Archives, holds and mail."""
    api, rules = server.api, []
    for pile in piles:
        pile.archive = api.call("CreateArchive", ArchiveName=pile.name,
                                Retention={"RetentionPeriod": pile.period})["ArchiveId"]
        rules.append({"Name": pile.name, "Actions": [{"Archive": {"TargetArchive": pile.archive}}],
                      "Conditions": [{"StringExpression": {"Evaluate": {"Attribute": "SUBJECT"},
                                                           "Operator": "CONTAINS", "Values": [pile.name]}}]})
    rule_set = api.call("CreateRuleSet", RuleSetName="piles", Rules=rules)["RuleSetId"]
    policy = api.call("CreateTrafficPolicy", TrafficPolicyName="all", DefaultAction="DENY",
                      PolicyStatements=ALLOW_JOURNAL)["TrafficPolicyId"]
    point = api.call("CreateIngressPoint", IngressPointName="inlet", Type="OPEN", RuleSetId=rule_set, TlsPolicy="OPTIONAL",
                     TrafficPolicyId=policy,
                     Tags=[{"Key": "daybook:listen", "Value": server.smtp[0]}])["IngressPointId"]
    wait_for("the ingress point is active",
             lambda: api.call("GetIngressPoint", IngressPointId=point)["Status"] == "ACTIVE")
    api.call("Daybook.CreateHold", HoldName="query", Reason="Doe v. Acme", Mode="DYNAMIC", Scope={"Query": {"Filters": {
        "Include": [{"StringExpression": {"Evaluate": {"Attribute": "SUBJECT"}, "Operator": "CONTAINS",
                                          "Values": ["case"]}}]}}})
    smtp = Smtp(server.smtp[0])
    for number in range(MESSAGES):
        for pile in piles:
            case, ann = dice.random() < 0.15, dice.random() < 0.1
            content = message(dice, f"{pile.name} {'case' if case else 'talk'} {number}", "ann" if ann else "bob")
            key = smtp.send(content)
            pile.sent[key] = sha256(content)
            if case or ann:
                pile.held.add(key)
    smtp.close()
    api.call("Daybook.CreateHold", HoldName="address", Reason="Roe v. Acme", Mode="STATIC",
             Scope={"Address": "ann@example.test"})
    wait_for("the static hold is frozen",
             lambda: all(hold["State"] != "FREEZING" for hold in api.call("Daybook.ListHolds")["Holds"]), 30)
    api.call("DeleteArchive", ArchiveId=next(pile.archive for pile in piles if pile.name == "deleted"))


def disposition_of(story, pile, states):
    def probe():
        found = story.ask("Daybook.ListDispositions", ArchiveId=pile.archive)["Dispositions"]
        return [d for d in found if d["State"] in states]
    return probe


def dispose(story, pile):
    """One disposition from approval to certificate."""
    planned = wait_for(f"a disposition of {pile.name}", disposition_of(story, pile, ("PLANNED",)), 30)[0]
    key = planned["DispositionId"]
    due = set(pile.sent) - pile.held
    check_equal(planned["Messages"], len(due), f"messages that are planned to go from {pile.name}")
    story.approve("Daybook.DecideDisposition", DispositionId=key, Decision="APPROVE")
    story.through(f"the disposition of {pile.name} is done", disposition_of(story, pile, ("COMPLETED",)))
    listed, certificate = {}, story.ask("Daybook.GetDisposition", DispositionId=key)
    while True:
        records = {record["ArchivedMessageId"]: record["Sha256"] for record in certificate["Records"]}
        check(not set(records) & set(listed), f"the certificate of {pile.name} lists a message twice")
        listed.update(records)
        if "NextToken" not in certificate:
            break
        certificate = story.ask("Daybook.GetDisposition", DispositionId=key, NextToken=certificate["NextToken"])
    check_equal(listed, {each: pile.sent[each] for each in due}, f"the certificate of {pile.name}")
    check_equal(certificate["Disposition"]["DestroyedMessages"], len(due), "destroyed, by the certificate")
    pile.gone |= due


def erase(story, pile):
    """A few messages, asked for and approved while processes die."""
    free = sorted(set(pile.sent) - pile.held)
    chosen = story.dice.sample(free, 5)
    wanted = {story.ask("Daybook.RequestErasure", ArchivedMessageId=each, Reason="Art. 17")["ErasureId"]
              for each in chosen}
    for key in wanted:
        story.approve("Daybook.ApproveErasure", ErasureId=key)

    def done():
        found = story.ask("Daybook.ListErasures")["Erasures"]
        return all(e["State"] == "COMPLETED" for e in found if e["ErasureId"] in wanted)
    story.through("the erasures are done", done)
    pile.gone |= set(chosen)


def contents(story, pile):
    """{id: digest} of what an export finds."""
    now = time.time()
    story.ask("GetArchive", ArchiveId=pile.archive)
    export = story.ask("StartArchiveExport", ArchiveId=pile.archive, FromTimestamp=now - 12 * 3600, ToTimestamp=now + 60,
                       ExportDestinationConfiguration={"S3": {"S3Location": f"s3://kill/{pile.name}"}})["ExportId"]
    wait_for("the export is complete",
             lambda: story.ask("GetArchiveExport", ExportId=export)["Status"]["State"] == "COMPLETED", 60)
    return daybook.read_export(os.path.join(story.server.exported(f"s3://kill/{pile.name}"), export))[1]


def compare(story, piles):
    for pile in piles:
        left = {key: digest for key, digest in pile.sent.items() if key not in pile.gone}
        check(pile.held <= set(left), "a test that destroys what is held")
        if pile.name != "deleted":
            check_equal(contents(story, pile), left, f"what is left of {pile.name}")


def later(server, dice, piles):
    story = Story(server, dice)
    story.wake()
    for pile in dice.sample(piles, len(piles)):
        if pile.period == "PERMANENT" and pile.name != "deleted":
            erase(story, pile)
        else:
            dispose(story, pile)
    compare(story, piles)
    server.stop()
    checked = server.verify()[0]
    check_equal(checked, sum(len(pile.sent) - len(pile.gone) for pile in piles), "messages in the end")
    server.start()  # nothing comes back with another start
    compare(story, piles)
    return story


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--archives", type=int, default=3)
    options.add_argument("--seed", type=int)
    options = options.parse_args()
    if not os.path.exists(SHIFT):
        raise Skip("the library that turns the clock is not there")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}: kill_destruction.py --archives {options.archives} --seed {seed}")
    dice = random.Random(f"{seed} destruction")
    piles = [Pile(f"pile-{number}", "THREE_MONTHS") for number in range(options.archives)]
    piles += [Pile("deleted", "PERMANENT"), Pile("kept", "PERMANENT")]
    first = Server(config=CONFIG)
    first.own_home = False
    try:
        with first as server:
            today(server, dice, piles)
        shifted = Server(directory=first.home, config=CONFIG,
                         wrapper=("/usr/bin/env", f"LD_PRELOAD={SHIFT}", f"DAYBOOK_SHIFT_SECONDS={DAYS * 86400}"))
        shifted.deaths_expected = True
        with shifted as server:
            story = later(server, dice, piles)
        check(story.in_time > 0, "no kill came before the end of what it was to disturb")
        print(f"durability tier=T3 states={story.kills} in_time={story.in_time} midway={story.midway} destroyed={sum(len(p.gone) for p in piles)} "
              f"held={sum(len(p.held) for p in piles)} lost=0 seed={seed}")
    finally:
        shutil.rmtree(first.home, ignore_errors=True)


daybook.run(main)
