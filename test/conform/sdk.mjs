// SPDX-License-Identifier: Apache-2.0
// The unmodified AWS SDK for JavaScript and nodemailer against a server that sdk.py started: every operation served,
// both protocols, paginators, idempotency, exceptions by their types.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as mm from "@aws-sdk/client-mailmanager";
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import nodemailer from "nodemailer";

const server = JSON.parse(process.env.DAYBOOK_SERVER); // http, smtp: addresses; key, secret; coverage: a file
const JOURNAL = "journaling@journaling.solutions";
const SERVED = [...readFileSync(server.coverage, "utf8").split("\n## Daybook")[0].matchAll(/^\| (\w+) \| served /gm)].map((m) => m[1]);
const UNSERVED = [...readFileSync(server.coverage, "utf8").matchAll(/^\| (\w+) \| not yet /gm)].map((m) => m[1]);
const LONG = 12 * 3600 * 1000;

function client(options = {}) {
  return new mm.MailManagerClient({
    endpoint: `http://${server.http}`, region: "us-east-1", maxAttempts: 3,
    credentials: { accessKeyId: server.key, secretAccessKey: server.secret }, ...options,
  });
}

// Calls by name, and remembers what succeeded.
class Calls {
  constructor(options) {
    this.client = client(options);
    this.done = new Set();
  }

  async call(name, input = {}) {
    const output = await this.client.send(new mm[`${name}Command`](input));
    assert.match(output.$metadata.requestId, /^[0-9a-f-]{36}$/, `request id of ${name}`);
    assert.equal(output.$metadata.httpStatusCode, 200);
    this.done.add(name);
    return output;
  }

  // The call must fail with this class (or, for what the model does not know, this name), once.
  async refused(type, name, input) {
    try {
      await this.client.send(new mm[`${name}Command`](input));
    } catch (e) {
      const what = `${name} was refused with ${e.name}: ${e.message}`;
      if (typeof type === "string") assert.equal(e.name, type, what);
      else assert.ok(e instanceof type, what);
      assert.ok(e instanceof mm.MailManagerServiceException, what);
      assert.ok(e.message.length > 5, what);
      assert.equal(e.$metadata.attempts ?? 1, 1, `attempts of ${what}`);
      return e;
    }
    throw new assert.AssertionError({ message: `${name} ${JSON.stringify(input)} was not refused` });
  }

  // Everything a paginator gives, page by page.
  async pages(name, input, member, pageSize) {
    const items = [];
    for await (const page of mm[`paginate${name}`]({ client: this.client, pageSize }, input)) {
      assert.ok(page[member].length <= pageSize, `${name}: a page of ${page[member].length}`);
      items.push(...page[member]);
      assert.ok(items.length < 500, `${name} does not end`);
    }
    this.done.add(name);
    return items;
  }
}

// A create operation: token, same token again, same token with another input, name taken, names that are none.
async function creation(c, name, input, idMember, nameMember, change) {
  const ClientToken = randomUUID();
  const first = (await c.call(name, { ...input, ClientToken }))[idMember];
  const again = (await c.call(name, { ...input, ClientToken }))[idMember];
  assert.equal(again, first, `${name} with the same token`);
  await c.refused(mm.ConflictException, name, { ...input, ...change, ClientToken });
  await c.refused(mm.ConflictException, name, input);
  await c.refused(mm.ValidationException, name, { ...input, [nameMember]: "no spaces, please" });
  const { [nameMember]: _, ...nameless } = input;
  const e = await c.refused(mm.ValidationException, name, nameless);
  assert.match(e.message, /must not be null/i, "text for a missing member");
  assert.match(e.message, new RegExp(nameMember, "i"), "the text names the member");
  return first;
}

const same = (got, want, what) => {
  const { $metadata, ...rest } = got;
  for (const [key, value] of Object.entries(want)) assert.deepEqual(rest[key], value, `${what}: ${key}`);
};
const isRecent = (date, what) => {
  assert.ok(date instanceof Date, `${what} is a date`);
  assert.ok(Math.abs(Date.now() - date.getTime()) < 120_000, `${what} is now`);
};

async function archives(c, p) {
  const input = { ArchiveName: `${p}-archive`, Retention: { RetentionPeriod: "SEVEN_YEARS" }, Tags: [{ Key: "team", Value: "legal" }] };
  const id = await creation(c, "CreateArchive", input, "ArchiveId", "ArchiveName", { Retention: { RetentionPeriod: "PERMANENT" } });
  const got = await c.call("GetArchive", { ArchiveId: id });
  same(got, { ArchiveId: id, ArchiveName: `${p}-archive`, ArchiveState: "ACTIVE", Retention: input.Retention }, "GetArchive");
  assert.match(got.ArchiveArn, new RegExp(`^arn:aws:ses:us-east-1:\\d{12}:mailmanager-archive/${id}$`));
  isRecent(got.CreatedTimestamp, "CreatedTimestamp");
  await c.call("UpdateArchive", { ArchiveId: id, ArchiveName: `${p}-archive-2`, Retention: { RetentionPeriod: "PERMANENT" } });
  same(await c.call("GetArchive", { ArchiveId: id }), { ArchiveName: `${p}-archive-2`, Retention: { RetentionPeriod: "PERMANENT" } }, "GetArchive");
  const ids = [id];
  for (let i = 0; i < 4; i++) ids.push((await c.call("CreateArchive", { ArchiveName: `${p}-more-${i}` })).ArchiveId);
  const listed = (await c.pages("ListArchives", {}, "Archives", 2)).map((a) => a.ArchiveId);
  for (const each of ids) assert.equal(listed.filter((x) => x === each).length, 1, "each archive is listed once");
  await c.refused(mm.ResourceNotFoundException, "GetArchive", { ArchiveId: "a-aaaaaaaaaaaaaaaaaaaaaaaa" });
  await c.refused(mm.ValidationException, "ListArchives", { PageSize: 51 });
  await c.refused(mm.ValidationException, "ListArchives", { NextToken: "not a token of ours" });
  for (const each of ids.slice(1)) await c.call("DeleteArchive", { ArchiveId: each });
  same(await c.call("GetArchive", { ArchiveId: ids[1] }), { ArchiveState: "PENDING_DELETION" }, "a deleted archive");
  await c.refused(mm.ConflictException, "UpdateArchive", { ArchiveId: ids[1], ArchiveName: `${p}-revived` });
  await c.call("DeleteArchive", { ArchiveId: ids[1] });
  return { id, arn: got.ArchiveArn };
}

async function tags(c, arn) {
  const list = async () => Object.fromEntries((await c.call("ListTagsForResource", { ResourceArn: arn })).Tags.map((t) => [t.Key, t.Value]));
  assert.deepEqual(await list(), { team: "legal" });
  await c.call("TagResource", { ResourceArn: arn, Tags: [{ Key: "team", Value: "audit" }, { Key: "cost", Value: "" }] });
  assert.deepEqual(await list(), { team: "audit", cost: "" });
  await c.call("UntagResource", { ResourceArn: arn, TagKeys: ["team", "never-was"] });
  assert.deepEqual(await list(), { cost: "" });
  await c.refused(mm.ResourceNotFoundException, "ListTagsForResource", { ResourceArn: arn.replace(/\/.*/, "/a-aaaaaaaaaaaaaaaaaaaaaaaa") });
  await c.refused(mm.ValidationException, "TagResource", { ResourceArn: "arn:aws:s3:::bucket", Tags: [] });
}

const ROLE = "arn:aws:iam::123456789012:role/daybook-demo";

// Rules with every kind of condition and action of the model.
function rules(archive) {
  return [
    { Name: "conditions", Conditions: [
      { BooleanExpression: { Evaluate: { Attribute: "TLS" }, Operator: "IS_TRUE" } },
      { StringExpression: { Evaluate: { Attribute: "SUBJECT" }, Operator: "CONTAINS", Values: ["Ünïcödé", "合同"] } },
      { StringExpression: { Evaluate: { MimeHeaderAttribute: "X-Spam-Flag" }, Operator: "EQUALS", Values: ["YES"] } },
      { StringExpression: { Evaluate: { ClientCertificateAttribute: "CN" }, Operator: "ENDS_WITH", Values: [".example"] } },
      { NumberExpression: { Evaluate: { Attribute: "MESSAGE_SIZE" }, Operator: "GREATER_THAN", Value: 1048576.5 } },
      { IpExpression: { Evaluate: { Attribute: "SOURCE_IP" }, Operator: "CIDR_MATCHES", Values: ["10.0.0.0/8", "2001:db8::/32"] } },
      { VerdictExpression: { Evaluate: { Attribute: "SPF" }, Operator: "EQUALS", Values: ["PASS", "GRAY"] } },
      { DmarcExpression: { Operator: "NOT_EQUALS", Values: ["REJECT"] } },
    ], Unless: [{ StringExpression: { Evaluate: { Attribute: "HELO" }, Operator: "STARTS_WITH", Values: ["x"] } }],
    Actions: [
      { AddHeader: { HeaderName: "X-Daybook", HeaderValue: "seen" } },
      { ReplaceRecipient: { ReplaceWith: ["other@example.test"] } },
      { Relay: { Relay: "relay-1", MailFrom: "PRESERVE", ActionFailurePolicy: "CONTINUE" } },
      { Send: { RoleArn: ROLE, ActionFailurePolicy: "CONTINUE" } },
      { WriteToS3: { RoleArn: ROLE, S3Bucket: "some-bucket", S3Prefix: "in/", ActionFailurePolicy: "DROP" } },
      { DeliverToMailbox: { MailboxArn: "arn:aws:workmail:us-east-1:123456789012:organization/m-1", RoleArn: ROLE } },
    ] },
    { Name: "journal-all", Actions: [{ Archive: { TargetArchive: archive, ActionFailurePolicy: "CONTINUE" } }] },
    { Name: "the-end", Conditions: [{ NumberExpression: { Evaluate: { Attribute: "MESSAGE_SIZE" }, Operator: "LESS_THAN", Value: 1 } }],
      Actions: [{ Drop: {} }] },
  ];
}

async function ruleSets(c, p, archive) {
  const all = rules(archive);
  const input = { RuleSetName: `${p}-rules`, Rules: all };
  const id = await creation(c, "CreateRuleSet", input, "RuleSetId", "RuleSetName", { Rules: [] });
  const plain = (list) => list.map((r) => JSON.parse(JSON.stringify(r)));
  const got = await c.call("GetRuleSet", { RuleSetId: id });
  assert.deepEqual(plain(got.Rules).map((r) => ({ Conditions: [], Unless: [], ...r })), all.map((r) => ({ Conditions: [], Unless: [], ...r })), "rules come back as they were");
  isRecent(got.CreatedDate, "CreatedDate");
  await c.call("UpdateRuleSet", { RuleSetId: id, RuleSetName: `${p}-rules-2`, Rules: all.slice(1) });
  same(await c.call("GetRuleSet", { RuleSetId: id }), { RuleSetName: `${p}-rules-2` }, "GetRuleSet");
  const other = (await c.call("CreateRuleSet", { RuleSetName: `${p}-other`, Rules: [] })).RuleSetId;
  const listed = (await c.pages("ListRuleSets", {}, "RuleSets", 1)).map((r) => r.RuleSetId);
  assert.ok(listed.includes(id) && listed.includes(other), "rule sets are listed");
  await c.refused(mm.ResourceNotFoundException, "GetRuleSet", { RuleSetId: "rs-none" });
  await c.refused(mm.ValidationException, "CreateRuleSet", { RuleSetName: `${p}-bad`, Rules: [{ Actions: [] }] });
  await c.call("DeleteRuleSet", { RuleSetId: other });
  await c.call("DeleteRuleSet", { RuleSetId: other });
  return id;
}

async function policies(c, p) {
  const statements = [
    { Action: "ALLOW", Conditions: [{ StringExpression: { Evaluate: { Attribute: "RECIPIENT" }, Operator: "EQUALS", Values: [JOURNAL] } }] },
    { Action: "DENY", Conditions: [
      { IpExpression: { Evaluate: { Attribute: "SENDER_IP" }, Operator: "NOT_CIDR_MATCHES", Values: ["127.0.0.0/8"] } },
      { Ipv6Expression: { Evaluate: { Attribute: "SENDER_IPV6" }, Operator: "CIDR_MATCHES", Values: ["2001:db8:0:0:0:0:0:0/32"] } },
      { TlsExpression: { Evaluate: { Attribute: "TLS_PROTOCOL" }, Operator: "MINIMUM_TLS_VERSION", Value: "TLS1_2" } }] },
  ];
  const input = { TrafficPolicyName: `${p}-traffic`, DefaultAction: "DENY", PolicyStatements: statements, MaxMessageSizeBytes: 5_000_000 };
  const id = await creation(c, "CreateTrafficPolicy", input, "TrafficPolicyId", "TrafficPolicyName", { DefaultAction: "ALLOW" });
  const got = await c.call("GetTrafficPolicy", { TrafficPolicyId: id });
  same(got, { DefaultAction: "DENY", MaxMessageSizeBytes: 5_000_000, TrafficPolicyName: `${p}-traffic` }, "GetTrafficPolicy");
  assert.deepEqual(JSON.parse(JSON.stringify(got.PolicyStatements)), statements, "statements come back as they were");
  await c.call("UpdateTrafficPolicy", { TrafficPolicyId: id, MaxMessageSizeBytes: 6_000_000 });
  same(await c.call("GetTrafficPolicy", { TrafficPolicyId: id }), { MaxMessageSizeBytes: 6_000_000, DefaultAction: "DENY" }, "GetTrafficPolicy");
  const other = (await c.call("CreateTrafficPolicy", { TrafficPolicyName: `${p}-other`, DefaultAction: "ALLOW", PolicyStatements: [] })).TrafficPolicyId;
  const listed = (await c.pages("ListTrafficPolicies", {}, "TrafficPolicies", 1)).map((r) => r.TrafficPolicyId);
  assert.ok(listed.includes(id) && listed.includes(other), "policies are listed");
  await c.call("DeleteTrafficPolicy", { TrafficPolicyId: other });
  await c.refused(mm.ResourceNotFoundException, "GetTrafficPolicy", { TrafficPolicyId: other });
  return id;
}

async function relays(c, p) {
  const input = { RelayName: `${p}-relay`, ServerName: "mx.example.test", ServerPort: 25, Authentication: { NoAuthentication: {} } };
  const id = await creation(c, "CreateRelay", input, "RelayId", "RelayName", { ServerPort: 26 });
  const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:relay-abc";
  same(await c.call("GetRelay", { RelayId: id }), { ServerName: "mx.example.test", ServerPort: 25, Authentication: { NoAuthentication: {} } }, "GetRelay");
  await c.call("UpdateRelay", { RelayId: id, ServerPort: 587, Authentication: { SecretArn: secret } });
  same(await c.call("GetRelay", { RelayId: id }), { ServerPort: 587, Authentication: { SecretArn: secret }, RelayName: `${p}-relay` }, "GetRelay");
  await c.call("CreateRelay", { ...input, RelayName: `${p}-relay-2` });
  assert.ok((await c.pages("ListRelays", {}, "Relays", 1)).some((r) => r.RelayId === id), "the relay is listed");
  await c.refused(mm.ValidationException, "CreateRelay", { ...input, RelayName: `${p}-relay-3`, ServerPort: 65536 });
  await c.call("DeleteRelay", { RelayId: id });
  await c.refused(mm.ResourceNotFoundException, "GetRelay", { RelayId: id });
}

async function active(c, id) {
  for (let i = 0; i < 200; i++) {
    const got = await c.call("GetIngressPoint", { IngressPointId: id });
    if (got.Status === "ACTIVE") return got;
    assert.notEqual(got.Status, "FAILED", "the ingress point listens");
    await sleep(50);
  }
  throw new assert.AssertionError({ message: "the ingress point does not become active" });
}

async function endpoints(c, p, rules, policy, listen) {
  const input = {
    IngressPointName: `${p}-in`, Type: "AUTH", RuleSetId: rules, TrafficPolicyId: policy, TlsPolicy: "REQUIRED",
    IngressPointConfiguration: { SmtpPassword: "first-Secret-1" }, Tags: [{ Key: "daybook:listen", Value: listen }],
  };
  const id = await creation(c, "CreateIngressPoint", input, "IngressPointId", "IngressPointName", { TlsPolicy: "OPTIONAL" });
  const got = await active(c, id);
  same(got, { Type: "AUTH", RuleSetId: rules, TrafficPolicyId: policy, TlsPolicy: "REQUIRED" }, "GetIngressPoint");
  assert.ok(!JSON.stringify(got).includes("first-Secret"), "the password is not shown");
  const tags = (await c.call("ListTagsForResource", { ResourceArn: got.IngressPointArn })).Tags;
  assert.ok(tags.some((t) => t.Key === "daybook:listening" && t.Value === listen), "the address in use is shown");
  assert.ok((await c.pages("ListIngressPoints", {}, "IngressPoints", 1)).some((e) => e.IngressPointId === id), "the ingress point is listed");
  await c.refused(mm.ConflictException, "DeleteTrafficPolicy", { TrafficPolicyId: policy });
  await c.refused(mm.ConflictException, "DeleteRuleSet", { RuleSetId: rules });
  await c.refused(mm.ValidationException, "CreateIngressPoint", { ...input, IngressPointName: `${p}-in-2`, IngressPointConfiguration: { SmtpPassword: "short" } });
  return id;
}

// nodemailer over STARTTLS with AUTH; what it sends must be what is kept.
async function mail(p, user, pass, listen, subject) {
  const [host, port] = listen.split(":");
  const transport = nodemailer.createTransport({ host, port: Number(port), requireTLS: true, auth: { user, pass }, tls: { rejectUnauthorized: false } });
  const text = `Über ${p}.\n.\n..dots\n`;
  const message = { from: `"Ä. Sender" <sender@example.test>`, to: JOURNAL, subject, text, html: `<p>Über <b>${p}</b></p>`,
    attachments: [{ filename: "größe.bin", content: Buffer.from([...Array(256).keys()]) }] };
  const info = await transport.sendMail(message);
  transport.close();
  assert.deepEqual(info.accepted, [JOURNAL]);
  return { id: info.response.match(/^250 2\.0\.0 Ok: (\w+)$/)[1], text };
}

async function passwords(c, p, id, listen) {
  const wrong = () => mail(p, id, "wrong-Secret-0", listen, "never");
  await assert.rejects(wrong, (e) => e.responseCode === 535, "a wrong password is refused with 535");
  const sent = [await mail(p, id, "first-Secret-1", listen, `${p} one`)];
  await c.call("UpdateIngressPoint", { IngressPointId: id, IngressPointConfiguration: { SmtpPassword: "second-Secret-2" } });
  const got = await active(c, id);
  const shown = got.IngressPointAuthConfiguration.IngressPointPasswordConfiguration;
  assert.notEqual(shown.SmtpPasswordVersion, shown.PreviousSmtpPasswordVersion);
  assert.ok(shown.PreviousSmtpPasswordExpiryTimestamp.getTime() > Date.now(), "the previous password has time left");
  sent.push(await mail(p, id, "second-Secret-2", listen, `${p} two`));
  sent.push(await mail(p, id, "first-Secret-1", listen, `${p} three`));
  await c.call("UpdateIngressPoint", { IngressPointId: id, IngressPointConfiguration: { SmtpPassword: "third-Secret-3" } });
  await active(c, id);
  await sleep(300);
  await assert.rejects(() => mail(p, id, "first-Secret-1", listen, "never"), (e) => e.responseCode === 535, "the one before the previous is gone");
  sent.push(await mail(p, id, "second-Secret-2", listen, `${p} four`));
  return sent;
}

async function results(c, SearchId) {
  for (let i = 0; i < 400; i++) {
    try {
      return (await c.call("GetArchiveSearchResults", { SearchId })).Rows;
    } catch (e) {
      assert.ok(e instanceof mm.ConflictException, `${e.name}: ${e.message}`);
      assert.match(e.message, /still in progress/, "the text that clients look for");
      await sleep(50);
    }
  }
  throw new assert.AssertionError({ message: "the search does not end" });
}

async function searches(c, p, archive, sent) {
  const window = { ArchiveId: archive, FromTimestamp: new Date(Date.now() - LONG), ToTimestamp: new Date(Date.now() + 60_000) };
  const Filters = { Include: [
    { StringExpression: { Evaluate: { Attribute: "SUBJECT" }, Operator: "CONTAINS", Values: [`${p} T`, "nothing like it"] } },
    { BooleanExpression: { Evaluate: { Attribute: "HAS_ATTACHMENTS" }, Operator: "IS_TRUE" } },
  ], Unless: [{ StringExpression: { Evaluate: { Attribute: "SUBJECT" }, Operator: "CONTAINS", Values: ["THREE"] } }] };
  const all = (await c.call("StartArchiveSearch", { ...window, MaxResults: 100 })).SearchId;
  const rows = await results(c, all);
  assert.deepEqual(rows.map((r) => r.ArchivedMessageId), sent.map((s) => s.id).reverse(), "rows, newest first");
  isRecent(rows[0].ReceivedTimestamp, "ReceivedTimestamp");
  assert.deepEqual(rows[0].Envelope, { From: "sender@example.test", To: [JOURNAL], Helo: rows[0].Envelope.Helo });
  const some = (await c.call("StartArchiveSearch", { ...window, MaxResults: 100, Filters })).SearchId;
  assert.deepEqual((await results(c, some)).map((r) => r.Subject), [`${p} two`]);
  const got = await c.call("GetArchiveSearch", { SearchId: some });
  same(got, { ArchiveId: archive, MaxResults: 100 }, "GetArchiveSearch");
  assert.deepEqual(JSON.parse(JSON.stringify(got.Filters)), Filters);
  assert.equal(got.Status.State, "COMPLETED");
  isRecent(got.Status.CompletionTimestamp, "CompletionTimestamp");
  await c.call("StopArchiveSearch", { SearchId: some });
  await c.call("StopArchiveSearch", { SearchId: some });
  const listed = (await c.pages("ListArchiveSearches", { ArchiveId: archive }, "Searches", 1)).map((s) => s.SearchId);
  assert.deepEqual(listed, [some, all], "searches, the latest first");
  await c.refused(mm.ResourceNotFoundException, "StartArchiveSearch", { ...window, ArchiveId: "a-aaaaaaaaaaaaaaaaaaaaaaaa", MaxResults: 1 });
  await c.refused(mm.ValidationException, "StartArchiveSearch", { ...window, MaxResults: 1001 });
  await c.refused(mm.ValidationException, "StartArchiveSearch", { ArchiveId: archive });
  await c.refused(mm.ValidationException, "GetArchiveSearch", { SearchId: "none" });
  const few = (await c.call("StartArchiveSearch", { ...window, MaxResults: 1 })).SearchId;
  assert.equal((await results(c, few)).length, 1);
}

async function messages(c, sent) {
  for (const { id, text } of sent) {
    const got = await c.call("GetArchiveMessage", { ArchivedMessageId: id });
    const answer = await fetch(got.MessageDownloadLink);
    assert.equal(answer.status, 200);
    const raw = Buffer.from(await answer.arrayBuffer());
    assert.match(raw.toString("latin1"), /^From: .*<sender@example\.test>\r\n/);
    assert.ok(got.Metadata.TlsProtocol.startsWith("TLSv1"), `TLS in the metadata: ${got.Metadata.TlsProtocol}`);
    const { Body } = await c.call("GetArchiveMessageContent", { ArchivedMessageId: id });
    assert.equal(Body.Text.replaceAll("\r\n", "\n").trimEnd(), text.trimEnd(), "the text as it was written");
    assert.match(Body.Html, /^<p>Über <b>\w+<\/b><\/p>/);
    assert.equal(Body.MessageMalformed, false);
  }
  await c.refused(mm.ValidationException, "GetArchiveMessage", { ArchivedMessageId: "none" });
}

async function exports_(c, p, archive) {
  const input = { ArchiveId: archive, FromTimestamp: new Date(Date.now() - LONG), ToTimestamp: new Date(Date.now() + 60_000), MaxResults: 2,
    IncludeMetadata: true, ExportDestinationConfiguration: { S3: { S3Location: `s3://exports/${p}` } } };
  const { ExportId } = await c.call("StartArchiveExport", input);
  let got;
  for (let i = 0; i < 400; i++) {
    got = await c.call("GetArchiveExport", { ExportId });
    if (got.Status.State === "COMPLETED") break;
    await sleep(50);
  }
  assert.equal(got.Status.State, "COMPLETED");
  same(got, { ArchiveId: archive, MaxResults: 2, ExportDestinationConfiguration: input.ExportDestinationConfiguration }, "GetArchiveExport");
  const directory = `${server.data}/export/exports/${p}/${ExportId}`;
  const manifest = JSON.parse(readFileSync(`${directory}/manifest.json`, "utf8"));
  assert.equal(manifest.Count, 2);
  for (const m of manifest.Messages)
    assert.equal(createHash("sha256").update(readFileSync(`${directory}/${m.File}`)).digest("hex"), m.Sha256);
  await c.call("StopArchiveExport", { ExportId });
  const second = (await c.call("StartArchiveExport", input)).ExportId;
  await c.call("StopArchiveExport", { ExportId: second });
  const { Status } = await c.call("GetArchiveExport", { ExportId: second });
  assert.ok(["CANCELLED", "COMPLETED"].includes(Status.State), `a stopped export is ${Status.State}`);
  const listed = (await c.pages("ListArchiveExports", { ArchiveId: archive }, "Exports", 1)).map((e) => e.ExportId);
  assert.deepEqual(listed, [second, ExportId], "exports, the latest first");
  const away = { S3: { S3Location: "s3://exports/../../etc" } };
  await c.refused(mm.ValidationException, "StartArchiveExport", { ...input, ExportDestinationConfiguration: away });
}

async function takeDown(c, endpoint, rules, policy) {
  await c.call("UpdateIngressPoint", { IngressPointId: endpoint, StatusToUpdate: "CLOSED" });
  for (let i = 0; i < 100; i++) {
    if ((await c.call("GetIngressPoint", { IngressPointId: endpoint })).Status === "CLOSED") break;
    await sleep(50);
  }
  assert.equal((await c.call("GetIngressPoint", { IngressPointId: endpoint })).Status, "CLOSED");
  await c.call("DeleteIngressPoint", { IngressPointId: endpoint });
  for (let i = 0; i < 200; i++) {
    try {
      await c.client.send(new mm.GetIngressPointCommand({ IngressPointId: endpoint }));
    } catch (e) {
      assert.ok(e instanceof mm.ResourceNotFoundException);
      break;
    }
    await sleep(50);
  }
  await c.call("DeleteRuleSet", { RuleSetId: rules });
  await c.call("DeleteTrafficPolicy", { TrafficPolicyId: policy });
}

// Who is let in, and what is not served.
async function strangers(options) {
  const c = new Calls(options);
  const bad = new Calls({ ...options, credentials: { accessKeyId: "AKIDNOBODY0000000000", secretAccessKey: server.secret } });
  await bad.refused("UnrecognizedClientException", "ListArchives", {});
  const forged = new Calls({ ...options, credentials: { accessKeyId: server.key, secretAccessKey: "x".repeat(40) } });
  const e = await forged.refused("InvalidSignatureException", "ListArchives", {});
  assert.equal(e.$metadata.httpStatusCode, 403);
  const late = new Calls({ ...options, systemClockOffset: -3600_000 });
  await late.call("ListArchives"); // the SDK corrects its clock by the Date header and tries again
  for (const name of UNSERVED) {
    try {
      await c.client.send(new mm[`${name}Command`]({}));
      throw new assert.AssertionError({ message: `${name} was answered` });
    } catch (err) {
      assert.equal(err.name, "UnknownOperationException", `${name}: ${err.name} ${err.message}`);
    }
  }
}

async function everything(p, options, listen) {
  const c = new Calls(options);
  const archive = await archives(c, p);
  await tags(c, archive.arn);
  const ruleSet = await ruleSets(c, p, archive.id);
  const policy = await policies(c, p);
  await relays(c, p);
  const endpoint = await endpoints(c, p, ruleSet, policy, listen);
  const sent = await passwords(c, p, endpoint, listen);
  await searches(c, p, archive.id, sent);
  await messages(c, sent);
  await exports_(c, p, archive.id);
  await takeDown(c, endpoint, ruleSet, policy);
  await strangers(options);
  const missing = SERVED.filter((name) => !c.done.has(name));
  assert.deepEqual(missing, [], "operations not called");
  console.log(`sdk: ${c.done.size} operations by ${p}, ${UNSERVED.length} refused as unknown`);
}

assert.equal(SERVED.length + UNSERVED.length, 60, "operations of the coverage page");
await everything("json", {}, server.smtp[0]);
await everything("cbor", { protocol: AwsSmithyRpcV2CborProtocol }, server.smtp[1]);
