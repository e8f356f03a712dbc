/* SPDX-License-Identifier: Apache-2.0 */
/* One message: its facts and text for people, or exactly the bytes that came in. */
#include "base_limits.h"
#include "cli_int.h"
#include "cli_width.h"

#define MESSAGE_BYTES_MAX SMTP_MESSAGE_BYTES_CEIL

static const struct cli_option options[] = {
    {"raw", NULL, "the message, byte for byte", false},
    {"headers", NULL, "its header, byte for byte", false},
    {"text", NULL, "its text", false},
    {"html", NULL, "its HTML, as it came: do not open it in a browser that runs scripts", false},
    {"json", NULL, "metadata, envelope and text as JSON", false},
    {NULL, NULL, NULL, false},
};

static struct json *
get(struct cli *cli, const char *target, struct err *err)
{
	struct json *input = json_new_object();

	json_set_str(input, "ArchivedMessageId", cli->args.operands[0]);
	return cli_call(cli, target, input, err);
}

/* Bytes for a program stay as they are; a terminal is shown nothing that it would obey. */
static void
print_text(struct cli *cli, struct bytes text)
{
	if (cli->terminal)
		cli_width_append_safe(&cli->out, text, SIZE_MAX, true);
	else
		buf_append(&cli->out, text);
}

static size_t
header_end(struct bytes raw)
{
	size_t end = bytes_find(raw, 0, BYTES_LIT("\r\n\r\n"));

	if (end != SIZE_MAX)
		return end + 2;
	end = bytes_find(raw, 0, BYTES_LIT("\n\n"));
	return end != SIZE_MAX ? end + 1 : raw.len;
}

/* The bytes of a message whose GetArchiveMessage was answered. */
static bool
download(struct cli *cli, const struct json *message, struct buf *raw, struct err *err)
{
	const char *link = json_get_str(message, "MessageDownloadLink");

	if (link == NULL)
		return ERR(err, ERR_SYNTAX, "the server's answer has no link");
	return cli_client_download(cli->client, link, raw, err);
}

static bool
print_raw(struct cli *cli, bool headers_only, struct err *err)
{
	struct json *message = get(cli, "MailManagerSvc.GetArchiveMessage", err);
	struct buf raw;
	bool ok;

	buf_init(&raw, MESSAGE_BYTES_MAX);
	ok = message != NULL && download(cli, message, &raw, err);
	if (ok)
		print_text(cli, bytes_slice(buf_view(&raw), 0,
				    headers_only ? header_end(buf_view(&raw)) : raw.len));
	buf_fini(&raw);
	json_free(&message);
	return ok;
}

static bool
print_part(struct cli *cli, const char *member, struct err *err)
{
	struct json *content = get(cli, "MailManagerSvc.GetArchiveMessageContent", err);
	struct bytes text = json_text(json_find(json_find(content, "Body"), member));
	bool ok = content != NULL;

	if (ok && text.len == 0)
		cli_note("the message has no %s part", member);
	print_text(cli, text);
	if (text.len > 0 && text.ptr[text.len - 1] != '\n')
		buf_append_byte(&cli->out, '\n');
	json_free(&content);
	return ok;
}

/* Every field of that name, unfolded and as written: encoded words are not decoded here. */
static void
print_fields(struct cli *cli, struct bytes header, const char *name)
{
	struct bytes wanted = bytes_of_str(name);
	bool inside = false;

	while (header.len > 0) {
		size_t end = bytes_find_byte(header, 0, '\n');
		struct bytes line = bytes_slice(header, 0, end);
		bool folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		header = end == SIZE_MAX ? BYTES_EMPTY : bytes_slice(header, end + 1, SIZE_MAX);
		if (inside && !folded)
			buf_append_byte(&cli->out, '\n');
		inside = folded ? inside : bytes_starts_with_nocase(line, wanted);
		if (inside && folded)
			buf_append_byte(&cli->out, ' ');
		if (inside)
			cli_width_append_safe(&cli->out, bytes_trim(line), SIZE_MAX, false);
	}
	if (inside)
		buf_append_byte(&cli->out, '\n');
}

static void
print_for_people(
    struct cli *cli, const struct json *message, const struct json *content, struct bytes raw)
{
	static const char *const envelope_keys[] = {"From", "Helo"};
	static const char *const fields[] = {"Date:", "From:", "To:", "Cc:", "Subject:"};
	const struct json *envelope = json_find(message, "Envelope"),
			  *to = json_find(envelope, "To");
	const struct json *body = json_find(content, "Body");

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		print_fields(cli, bytes_slice(raw, 0, header_end(raw)), fields[i]);
	for (size_t i = 0; i < sizeof envelope_keys / sizeof envelope_keys[0]; i++) {
		buf_printf(&cli->out, "Envelope %s: ", envelope_keys[i]);
		cli_width_append_safe(
		    &cli->out, json_text(json_find(envelope, envelope_keys[i])), SIZE_MAX, false);
		buf_append_byte(&cli->out, '\n');
	}
	for (size_t i = 0; i < json_count(to); i++) {
		buf_append_str(&cli->out, "Envelope To: ");
		cli_width_append_safe(&cli->out, json_text(json_at(to, i)), SIZE_MAX, false);
		buf_append_byte(&cli->out, '\n');
	}
	cli_format_object(json_find(message, "Metadata"), &cli->out);
	if (json_get_bool(body, "MessageMalformed", false))
		cli_note("the message is malformed: what is shown may not be all of it (--raw is)");
	buf_append_byte(&cli->out, '\n');
	cli_width_append_safe(&cli->out, json_text(json_find(body, "Text")), SIZE_MAX, true);
	if (json_text(json_find(body, "Text")).len == 0 &&
	    json_text(json_find(body, "Html")).len > 0)
		cli_note("the message has no text part, only HTML: --html");
	buf_append_byte(&cli->out, '\n');
}

static bool
print_whole(struct cli *cli, bool as_json, struct err *err)
{
	struct json *message = get(cli, "MailManagerSvc.GetArchiveMessage", err), *content = NULL;
	struct buf raw;
	bool ok;

	buf_init(&raw, MESSAGE_BYTES_MAX);
	if (message != NULL)
		content = get(cli, "MailManagerSvc.GetArchiveMessageContent", err);
	ok = content != NULL && (as_json || download(cli, message, &raw, err));
	if (ok && as_json) {
		json_unset(
		    message, "MessageDownloadLink"); /* it opens the message for whoever sees it */
		json_set(message, "Body", json_copy(json_find(content, "Body")));
		json_print_pretty(message, &cli->out);
		buf_append_byte(&cli->out, '\n');
	} else if (ok) {
		print_for_people(cli, message, content, buf_view(&raw));
	}
	buf_fini(&raw);
	json_free(&message);
	json_free(&content);
	return ok;
}

static int
run_show(struct cli *cli)
{
	static const char *const modes[] = {"raw", "headers", "text", "html", "json"};
	bool as_json = cli->form_given &&
		       (cli->format.form == CLI_FORM_JSON || cli->format.form == CLI_FORM_JSONL);
	const struct cli_args *a = &cli->args;
	struct err err;
	size_t given = 0;
	bool ok;

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		given += cli_args_has(a, modes[i]);
	if (given > 1)
		ok =
		    ERR(&err, ERR_USAGE, "only one of --raw, --headers, --text, --html and --json");
	else if (cli_args_has(a, "raw") || cli_args_has(a, "headers"))
		ok = print_raw(cli, cli_args_has(a, "headers"), &err);
	else if (cli_args_has(a, "text") || cli_args_has(a, "html"))
		ok = print_part(cli, cli_args_has(a, "text") ? "Text" : "Html", &err);
	else
		ok = print_whole(cli, as_json || cli_args_has(a, "json"), &err);
	return ok ? CLI_EXIT_DONE : cli_fail(cli, &err);
}

const struct cli_verb cli_message_verbs[] = {
    {"show", "show one message", "ID", "ID is the last column of daybook search.\n", options, 1, 1,
	run_show},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
