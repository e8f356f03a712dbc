/* SPDX-License-Identifier: Apache-2.0 */
/* daybook verify of exports and single messages: only what libdaybook-verify offers, and no server. */
#include <stdio.h>
#include <string.h>

#include "app_command_int.h"
#include "app_verify_int.h"
#include "base_bytes.h"
#include "base_limits.h"
#include "base_time.h"
#include "daybook/verify.h"
#include "os_fs.h"

#define MESSAGE_BYTES_MAX (SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB)
#define PROOF_BYTES_MAX   (16 * LIMIT_MIB)
#define WITNESSES_MAX     16

static int
exit_of(enum daybook_code code, const struct daybook_error *error)
{
	if (code != DAYBOOK_OK)
		(void)fprintf(stderr, "daybook verify: %s\n", error->text);
	switch (code) {
	case DAYBOOK_OK:
		return CLI_EXIT_DONE;
	case DAYBOOK_WRONG:
		return CLI_EXIT_INTEGRITY;
	case DAYBOOK_USAGE:
		return CLI_EXIT_USAGE;
	case DAYBOOK_NOT_FOUND:
		return (int)cli_exit_of(ERR_NOT_FOUND);
	case DAYBOOK_SEALED:
		return (int)cli_exit_of(ERR_SEALED);
	case DAYBOOK_UNSUPPORTED:
		return (int)cli_exit_of(ERR_UNSUPPORTED);
	case DAYBOOK_TROUBLE:
		break;
	}
	return (int)cli_exit_of(ERR_IO);
}

static void
print_problem(void *ctx, const char *what)
{
	(void)ctx;
	(void)printf("%s\n", what);
}

/* The keys of --witness-key, NULL behind the last. */
static void
witness_keys(const struct cli_args *args, const char *out[WITNESSES_MAX + 1])
{
	const char *const *values;
	size_t count = cli_args_values(args, "witness-key", &values);

	for (size_t i = 0; i < count && i < WITNESSES_MAX; i++)
		out[i] = values[i];
	out[count < WITNESSES_MAX ? count : WITNESSES_MAX] = NULL;
}

static int
verify_export(const char *dir, const char *log_key, const char *const *witnesses)
{
	struct daybook_export_counts counts;
	struct daybook_error error;
	enum daybook_code code = daybook_verify_export_cosigned(
	    dir, log_key, witnesses, print_problem, NULL, NULL, &counts, &error);

	if (code == DAYBOOK_NOT_FOUND)
		(void)fprintf(
		    stderr, "daybook verify: an export without manifest.json is not finished\n");
	if (code == DAYBOOK_OK || code == DAYBOOK_WRONG) {
		(void)printf("%llu messages, %llu bytes as exported",
		    (unsigned long long)counts.messages, (unsigned long long)counts.bytes);
		if (counts.unread > 0)
			(void)printf(
			    ", %llu were not readable then", (unsigned long long)counts.unread);
		if (log_key != NULL)
			(void)printf(", %llu proved", (unsigned long long)counts.proved);
		else
			(void)printf(", proofs not checked (--log-key)");
		(void)printf(", %llu problems\n", (unsigned long long)counts.problems);
	}
	return exit_of(code, &error);
}

/* Each of them signed the checkpoint that the proof leads to. */
static int
verify_witnesses(const struct buf *proof, const char *const *witnesses)
{
	struct daybook_error error;
	char time[TIME_ISO_SIZE];
	int code = CLI_EXIT_DONE;
	int64_t signed_s;

	for (; code == CLI_EXIT_DONE && *witnesses != NULL; witnesses++) {
		code = exit_of(daybook_verify_cosignature(
				   proof->ptr, proof->len, *witnesses, &signed_s, &error),
		    &error);
		if (code != CLI_EXIT_DONE)
			break;
		time_iso_format(time, signed_s < INT64_MAX / 1000 ? signed_s * 1000 : 0);
		(void)printf(
		    "cosigned by %.*s at %s\n", (int)strcspn(*witnesses, "+"), *witnesses, time);
	}
	return code;
}

static int
verify_message(
    const char *path, const char *proof_path, const char *log_key, const char *const *witnesses)
{
	struct daybook_proved proved;
	struct daybook_error error;
	struct buf message, proof;
	struct err err;
	int code;

	buf_init(&message, MESSAGE_BYTES_MAX);
	buf_init(&proof, PROOF_BYTES_MAX);
	if (!os_fs_read_file(os_fs_real(), path, MESSAGE_BYTES_MAX, &message, &err) ||
	    !os_fs_read_file(os_fs_real(), proof_path, PROOF_BYTES_MAX, &proof, &err)) {
		code = app_usage("verify", &err);
	} else {
		code = exit_of(daybook_verify_message(message.ptr, message.len, proof.ptr,
				   proof.len, log_key, &proved, &error),
		    &error);
		if (code == CLI_EXIT_DONE)
			(void)printf("%s is record %s, number %llu of %llu in the log %s\n", path,
			    proved.id, (unsigned long long)proved.index + 1,
			    (unsigned long long)proved.size, proved.log);
		if (code == CLI_EXIT_DONE)
			code = verify_witnesses(&proof, witnesses);
	}
	buf_fini(&message);
	buf_fini(&proof);
	return code;
}

int
app_verify_offline(const struct cli_args *args)
{
	const char *path = args->operands[0], *proof = cli_args_value(args, "proof"),
		   *log_key = cli_args_value(args, "log-key");
	const char *witnesses[WITNESSES_MAX + 1];
	struct os_stat st;
	struct err err;

	witness_keys(args, witnesses);
	if (!os_fs_stat(os_fs_real(), path, &st, &err))
		return app_usage("verify", &err);
	if (st.kind == OS_KIND_DIR && proof == NULL)
		return verify_export(path, log_key, witnesses);
	if (st.kind != OS_KIND_DIR && proof != NULL && log_key != NULL)
		return verify_message(path, proof, log_key, witnesses);
	(void)fprintf(stderr,
	    "daybook verify: give a directory that an export wrote, or a message with "
	    "--proof FILE and --log-key KEY\n");
	return CLI_EXIT_USAGE;
}
