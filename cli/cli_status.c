/* SPDX-License-Identifier: Apache-2.0 */
/* How the server is doing, on one screen. */
#include <string.h>

#include "base_clock.h"
#include "cli_int.h"

static const struct cli_column pack_columns[] = {{"ARCHIVE", "ArchiveName", CLI_TEXT, 40},
    {"STATE", "State", CLI_TEXT, 0}, {"MESSAGES", "Messages", CLI_COUNT, 0},
    {"RECEIVED", "MessageBytes", CLI_BYTES, 0}, {"STORED", "StoredBytes", CLI_BYTES, 0},
    {"UNSEALED", "UnsealedMessages", CLI_COUNT, 0}, {"NEWEST", "NewestTimestamp", CLI_TIME, 0},
    {NULL, NULL, CLI_TEXT, 0}};
static const struct cli_column endpoint_columns[] = {{"ENDPOINT", "Name", CLI_TEXT, 40},
    {"STATUS", "Status", CLI_TEXT, 0}, {"LISTENING", "Listening", CLI_TEXT, 60},
    {NULL, NULL, CLI_TEXT, 0}};

static int64_t
corrupt_packs(const struct json *archives)
{
	int64_t sum = 0;

	for (size_t i = 0; i < json_count(archives); i++)
		sum += json_get_integer(json_at(archives, i), "CorruptPacks", 0);
	return sum;
}

/* Witnesses that saw another log, or that the last try did not reach; out may be NULL. */
static size_t
witness_trouble(const struct json *witnesses, bool refused, struct buf *out)
{
	size_t count = 0;

	for (size_t i = 0; i < json_count(witnesses); i++) {
		const struct json *w = json_at(witnesses, i);
		const char *error = json_get_str(w, "LastError");

		if (error == NULL || json_get_bool(w, "Refused", false) != refused)
			continue;
		count++;
		if (out != NULL)
			buf_printf(out, "TROUBLE: witness %s, archive %s: %s\n",
			    json_get_str(w, "Name"), json_get_str(w, "ArchiveId"), error);
	}
	return count;
}

/* Endpoints that take no mail and should; out may be NULL. */
static size_t
failed_endpoints(const struct json *endpoints, struct buf *out)
{
	size_t count = 0;

	for (size_t i = 0; i < json_count(endpoints); i++) {
		const struct json *e = json_at(endpoints, i);
		const char *state = json_get_str(e, "Status"), *reason = json_get_str(e, "Reason");

		if (state == NULL || strcmp(state, "FAILED") != 0)
			continue;
		count++;
		if (out != NULL)
			buf_printf(out, "TROUBLE: endpoint %s does not listen: %s\n",
			    json_get_str(e, "Name"), reason != NULL ? reason : "no reason given");
	}
	return count;
}

static void
print_trouble(struct cli *cli, const struct json *status)
{
	const struct json *oldest = json_find(status, "OldestUnsealedTimestamp");
	int64_t corrupt = corrupt_packs(json_find(status, "Archives"));
	struct clock clock = clock_system();

	if (oldest != NULL)
		buf_printf(&cli->out, "oldest message not yet in a pack: %lld s ago\n",
		    (long long)((clock_now_ms(&clock) - json_ms(oldest)) / 1000));
	if (json_get_bool(status, "VolumeFailed", false))
		buf_append_str(&cli->out, "TROUBLE: the data volume failed; mail is deferred until "
					  "the server is restarted\n");
	if (json_get_bool(json_find(status, "Clock"), "Stopped", false))
		buf_append_str(&cli->out, "TROUBLE: the clock is not confirmed; nothing is "
					  "destroyed before that: daybook "
					  "retention confirm-clock\n");
	if (json_get_bool(status, "SpaceLow", false))
		buf_append_str(&cli->out, "TROUBLE: disk space is low; mail is deferred\n");
	(void)failed_endpoints(json_find(status, "Endpoints"), &cli->out);
	(void)witness_trouble(json_find(status, "Witnesses"), true, &cli->out);
	(void)witness_trouble(json_find(status, "Witnesses"), false, &cli->out);
	if (corrupt > 0)
		buf_printf(&cli->out, "TROUBLE: %lld packs are damaged\n", (long long)corrupt);
}

static void
print_screen(struct cli *cli, const struct json *status)
{
	int64_t up_s = json_get_integer(status, "UptimeSeconds", 0);
	const char *version = json_get_str(status, "Version");

	buf_printf(&cli->out, "Daybook %s, up %lldd %lldh %lldm\n\n",
	    version != NULL ? version : "?", (long long)(up_s / 86400),
	    (long long)(up_s / 3600 % 24), (long long)(up_s / 60 % 60));
	cli_format_list(json_find(status, "Endpoints"), endpoint_columns, &cli->format, &cli->out);
	buf_append_byte(&cli->out, '\n');
	cli_format_list(json_find(status, "Archives"), pack_columns, &cli->format, &cli->out);
	buf_append_byte(&cli->out, '\n');
	cli_scrub_print(cli, json_find(status, "Scrub"));
	print_trouble(cli, status);
}

static int
run_status(struct cli *cli)
{
	struct err err;
	struct json *status = cli_call(cli, "Daybook.GetStatus", json_new_object(), &err);
	int code = CLI_EXIT_DONE;

	if (status == NULL)
		return cli_fail(cli, &err);
	json_set(status, "Scrub", cli_call(cli, "Daybook.GetScrub", json_new_object(), &err));
	if (cli->format.form == CLI_FORM_TABLE)
		print_screen(cli, status);
	else
		cli_print_object(cli, status);
	if (corrupt_packs(json_find(status, "Archives")) > 0 ||
	    cli_scrub_problems(json_find(status, "Scrub")) > 0 ||
	    witness_trouble(json_find(status, "Witnesses"), true, NULL) > 0)
		code = CLI_EXIT_INTEGRITY;
	else if (json_get_bool(status, "VolumeFailed", false) ||
		 json_get_bool(status, "SpaceLow", false) ||
		 json_get_bool(json_find(status, "Clock"), "Stopped", false) ||
		 failed_endpoints(json_find(status, "Endpoints"), NULL) > 0 ||
		 witness_trouble(json_find(status, "Witnesses"), false, NULL) > 0)
		code = CLI_EXIT_FAILED;
	json_free(&status);
	return code;
}

const struct cli_verb cli_status_verbs[] = {
    {"status", "how the server is doing", "",
	"Ends with 0 when all is well, 1 when mail is being deferred, an endpoint\n"
	"does not listen, the clock jumped or a witness is not reached, 8 when packs are damaged "
	"or a witness\nsaw another log.\n",
	NULL, 0, 0, run_status},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
