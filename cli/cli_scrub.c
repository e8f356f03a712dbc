/* SPDX-License-Identifier: Apache-2.0 */
/* Reading everything again: how far it is, what it found, and a round now. */
#include "base_time.h"
#include "cli_int.h"

#define POLL_MS 200

int64_t
cli_scrub_problems(const struct json *scrub)
{
	return json_get_integer(json_find(scrub, "Round"), "ProblemCount", 0) +
	       json_get_integer(json_find(scrub, "LastRound"), "ProblemCount", 0);
}

static void
round_print(struct cli *cli, const char *title, const struct json *round)
{
	const struct json *problems = json_find(round, "Problems"),
			  *ended = json_find(round, "EndedTimestamp");
	char time[TIME_ISO_SIZE];

	time_iso_format(time, json_ms(ended != NULL ? ended : json_find(round, "BeganTimestamp")));
	buf_printf(&cli->out, "%s %.10s %.5s: ", title, time, time + 11);
	cli_format_count(&cli->out, json_get_integer(round, "Packs", 0));
	buf_append_str(&cli->out, " packs, ");
	cli_format_bytes(&cli->out, json_get_integer(round, "PackBytes", 0));
	buf_append_str(&cli->out, ", ");
	cli_format_count(&cli->out, json_get_integer(round, "CheckedMessages", 0));
	buf_append_str(&cli->out, " messages, ");
	cli_format_count(&cli->out, json_get_integer(round, "ProblemCount", 0));
	buf_append_str(&cli->out, " problems\n");
	for (size_t i = 0; i < json_count(problems); i++)
		buf_printf(&cli->out, "  %s\n", json_str(json_at(problems, i)));
}

void
cli_scrub_print(struct cli *cli, const struct json *scrub)
{
	const struct json *last = json_find(scrub, "LastRound");

	if (json_get_bool(scrub, "Running", false)) {
		round_print(cli, "scrub since", json_find(scrub, "Round"));
		buf_append_str(&cli->out, "  of ");
		cli_format_count(&cli->out, json_get_integer(scrub, "TotalPacks", 0));
		buf_append_str(&cli->out, " packs, ");
		cli_format_bytes(&cli->out, json_get_integer(scrub, "TotalBytes", 0));
		buf_append_byte(&cli->out, '\n');
	}
	if (last != NULL)
		round_print(cli, "scrub ended", last);
	else if (!json_get_bool(scrub, "Running", false))
		buf_append_str(&cli->out, "scrub: no round yet\n");
}

static int
show(struct cli *cli, struct json *scrub)
{
	int code = cli_scrub_problems(scrub) > 0 ? CLI_EXIT_INTEGRITY : CLI_EXIT_DONE;

	if (cli->format.form == CLI_FORM_TABLE || cli->format.form == CLI_FORM_PLAIN)
		cli_scrub_print(cli, scrub);
	else
		cli_print_object(cli, scrub);
	json_free(&scrub);
	return code;
}

static int
run_status(struct cli *cli)
{
	struct err err;
	struct json *scrub = cli_call(cli, "Daybook.GetScrub", json_new_object(), &err);

	return scrub == NULL ? cli_fail(cli, &err) : show(cli, scrub);
}

/* A round that began at or after the call is the one that was asked for. */
static int
run_start(struct cli *cli)
{
	struct err err;
	struct json *scrub = cli_call(cli, "Daybook.StartScrub", json_new_object(), &err);

	if (scrub == NULL)
		return cli_fail(cli, &err);
	json_free(&scrub);
	if (!cli_args_has(&cli->args, "wait"))
		return CLI_EXIT_DONE;
	do {
		json_free(&scrub);
		cli_pause(POLL_MS);
		scrub = cli_call(cli, "Daybook.GetScrub", json_new_object(), &err);
		if (scrub == NULL)
			return cli_fail(cli, &err);
	} while (json_get_bool(scrub, "Asked", false));
	return show(cli, scrub);
}

static const struct cli_option start_options[] = {
    {"wait", NULL, "until it is over, and say what it found", false}, {NULL, NULL, NULL, false}};

const struct cli_verb cli_scrub_verbs[] = {
    {"scrub start", "read everything that is kept, now and without pauses", "",
	"Begins a round from its beginning. Ends with 8 when --wait saw that something is "
	"damaged.\n",
	start_options, 0, 0, run_start},
    {"scrub status", "how far the round is, and what was found", "",
	"Ends with 8 when this round or the one before found damage.\n", NULL, 0, 0, run_status},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
