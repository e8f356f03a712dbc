/* SPDX-License-Identifier: Apache-2.0 */
/* daybook verify --archive: all of one archive, or a sample; interrupted and taken up again. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "app_command_int.h"
#include "app_verify_int.h"
#include "archive_check.h"
#include "base_clock.h"
#include "base_rng.h"
#include "base_text.h"
#include "cli_format.h"
#include "os_host.h"

#define PROGRESS_MS            200
#define PROGRESS_PLAIN_MS      10000
#define PERCENT_DIGITS         4
#define PER_MILLION_OF_PERCENT 10000u

static atomic_bool interrupted; /* state: a handler of signals reaches nothing else */

static void
on_interrupt(int signo)
{
	(void)signo;
	atomic_store(&interrupted, true);
}

static void
interrupts_take(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

	must(sigaction(SIGINT, &action, NULL) == 0);
	must(sigaction(SIGTERM, &action, NULL) == 0);
}

/* "1%", "0.25%", "100": a share in millionths. */
static bool
share_parse(const char *text, uint32_t *out)
{
	struct bytes whole = bytes_of_str(text), part = BYTES_EMPTY;
	uint64_t percent, fraction = 0;
	size_t dot;

	if (whole.len > 0 && whole.ptr[whole.len - 1] == '%')
		whole.len--;
	dot = bytes_find_byte(whole, 0, '.');
	if (dot != SIZE_MAX) {
		part = bytes_slice(whole, dot + 1, whole.len);
		whole = bytes_slice(whole, 0, dot);
		if (part.len == 0 || part.len > PERCENT_DIGITS || !text_u64_parse(&fraction, part))
			return false;
	}
	if (!text_u64_parse(&percent, whole) || percent > 100)
		return false;
	for (size_t i = part.len; i < PERCENT_DIGITS; i++)
		fraction *= 10;
	if (percent * PER_MILLION_OF_PERCENT + fraction > ARCHIVE_CHECK_ALL)
		return false;
	*out = (uint32_t)(percent * PER_MILLION_OF_PERCENT + fraction);
	return *out > 0;
}

static bool
seed_make(const char *given, uint64_t *out, struct err *err)
{
	struct rng rng = rng_system();
	uint32_t small;

	if (given != NULL)
		return text_u64_parse(out, bytes_of_str(given)) ||
		       ERR(err, ERR_USAGE, "--seed must be a whole number");
	rng.fill(rng.ctx, &small, sizeof small);
	*out = small;
	return true;
}

/* By id or by name. */
static bool
archive_of(struct catalog *catalog, const char *text, struct arena *arena, const char **id_out,
    struct err *err)
{
	struct catalog_row row;
	bool ok;

	if (!catalog_begin(catalog, err))
		return false;
	ok = catalog_get(catalog, CATALOG_ARCHIVE, text, arena, &row, err) ||
	     (err->code == ERR_NOT_FOUND &&
		 catalog_find(catalog, CATALOG_ARCHIVE, text, arena, &row, err));
	catalog_rollback(catalog);
	if (ok)
		*id_out = row.id;
	else if (err->code == ERR_NOT_FOUND)
		ok = ERR(err, ERR_NOT_FOUND, "there is no archive %.100s", text);
	return ok;
}

struct run {
	struct archive *archive;
	struct archive_check check;
	const char *wanted; /* as it was asked for */
	struct archive_check_step sum;
	uint64_t packs, done_bytes, problems;
	int64_t told_ms;
	bool terminal;
	char place[ARCHIVE_SCRUB_PLACE_SIZE];
};

static void
on_problem(void *ctx, const char *what)
{
	struct run *r = ctx;

	if (r->terminal)
		(void)fprintf(stderr, "\r\033[K");
	r->problems++;
	(void)printf("%s\n", what);
	(void)fflush(stdout);
}

static void
progress(struct run *r, const struct archive_check_step *step)
{
	struct clock clock = clock_system();
	int64_t now = clock_mono_ms(&clock);
	struct buf bytes;

	if (now - r->told_ms < (r->terminal ? PROGRESS_MS : PROGRESS_PLAIN_MS))
		return;
	r->told_ms = now;
	buf_init(&bytes, 64);
	cli_format_bytes(&bytes, (int64_t)r->sum.bytes);
	(void)fprintf(stderr, "%s%llu of %llu packs, %llu messages, %s, %llu%%, %llu problems%s",
	    r->terminal ? "\r\033[K" : "", (unsigned long long)r->packs,
	    (unsigned long long)step->total_packs, (unsigned long long)r->sum.messages,
	    buf_text(&bytes),
	    (unsigned long long)(step->total_bytes == 0 ? 100
							: r->done_bytes * 100 / step->total_bytes),
	    (unsigned long long)r->problems, r->terminal ? "" : "\n");
	buf_fini(&bytes);
}

static void
sum_add(struct run *r, const struct archive_check_step *step)
{
	r->sum.messages += step->messages;
	r->sum.bytes += step->bytes;
	r->sum.proved += step->proved;
	r->sum.waiting += step->waiting;
	r->sum.without += step->without;
	r->packs += step->none ? 0 : 1;
	r->done_bytes += step->pack_bytes;
}

static bool
walk(struct run *r, struct err *err)
{
	struct archive_check_step step = {.none = false};
	bool ok = true;

	while (ok && !step.none) {
		ok = archive_check_next(r->archive, &r->check, r->place, &step, err);
		if (ok) {
			sum_add(r, &step);
			progress(r, &step);
		}
	}
	ok = ok && archive_check_rest(r->archive, &r->check, &step, err);
	if (ok)
		sum_add(r, &step);
	if (r->terminal)
		(void)fprintf(stderr, "\r\033[K");
	return ok;
}

static void
summary(const struct run *r)
{
	bool sample = r->check.per_million < ARCHIVE_CHECK_ALL;

	(void)printf("archive %s: %llu messages checked", r->check.archive_id,
	    (unsigned long long)r->sum.messages);
	if (sample) {
		(void)printf(" (sample of %u.%04u%%, seed %llu), %llu proved",
		    r->check.per_million / PER_MILLION_OF_PERCENT,
		    r->check.per_million % PER_MILLION_OF_PERCENT,
		    (unsigned long long)r->check.seed, (unsigned long long)r->sum.proved);
		if (r->sum.waiting > 0)
			(void)printf(
			    ", %llu not in the log yet", (unsigned long long)r->sum.waiting);
		if (r->sum.without > 0)
			(void)printf(", %llu without a leaf", (unsigned long long)r->sum.without);
	} else {
		(void)printf(", each against its record, leaf and tree");
	}
	(void)printf(", %llu problems\n", (unsigned long long)r->problems);
}

/* Where to go on, as a command. */
static void
advise(const struct run *r)
{
	(void)fprintf(stderr, "interrupted; go on with: daybook verify --archive %s --after '%s'",
	    r->wanted, r->place);
	if (r->check.per_million < ARCHIVE_CHECK_ALL)
		(void)fprintf(stderr, " --sample %u.%04u%% --seed %llu",
		    r->check.per_million / PER_MILLION_OF_PERCENT,
		    r->check.per_million % PER_MILLION_OF_PERCENT,
		    (unsigned long long)r->check.seed);
	(void)fprintf(stderr, "\n");
}

static bool
options_take(const struct cli_args *args, struct run *r, struct err *err)
{
	const char *sample = cli_args_value(args, "sample"), *after = cli_args_value(args, "after");

	r->check.per_million = ARCHIVE_CHECK_ALL;
	if (sample != NULL && cli_args_has(args, "full"))
		return ERR(err, ERR_USAGE, "--sample and --full contradict each other");
	if (sample != NULL && !share_parse(sample, &r->check.per_million))
		return ERR(err, ERR_USAGE,
		    "--sample must be a share like 1%% or 0.25%%, with at most four decimals");
	if (after != NULL && strlen(after) >= sizeof r->place)
		return ERR(err, ERR_USAGE, "--after is not the name of a pack");
	(void)snprintf(r->place, sizeof r->place, "%s", after != NULL ? after : "");
	return seed_make(cli_args_value(args, "seed"), &r->check.seed, err);
}

int
app_verify_archive(const struct cli_args *args, struct archive *archive, struct catalog *catalog,
    uint64_t problems)
{
	struct run r = {.archive = archive, .problems = problems, .terminal = os_is_terminal(2)};
	struct arena arena;
	struct err err;
	int code = CLI_EXIT_DONE;
	bool ok;

	arena_init(&arena);
	r.wanted = cli_args_value(args, "archive");
	r.check.cancel = &interrupted;
	r.check.problem = on_problem;
	r.check.ctx = &r;
	ok = options_take(args, &r, &err) &&
	     archive_of(catalog, r.wanted, &arena, &r.check.archive_id, &err);
	if (ok) {
		interrupts_take();
		ok = walk(&r, &err);
		if (ok)
			summary(&r);
		else if (err.code == ERR_CANCELLED)
			advise(&r);
	}
	if (r.problems > problems || (ok && r.problems > 0))
		code = CLI_EXIT_INTEGRITY;
	else if (!ok)
		code = app_usage("verify", &err);
	arena_fini(&arena);
	return code;
}
