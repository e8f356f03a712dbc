/* SPDX-License-Identifier: Apache-2.0 */
/* daybook verify: every message of a data directory read, rebuilt and hashed, while no server runs on it. */
#include <stdio.h>

#include "app_command_int.h"
#include "app_keys.h"
#include "app_store.h"
#include "app_verify_int.h"
#include "archive.h"
#include "audit.h"
#include "base_log.h"
#include "os_fs.h"
#include "os_socket.h"

const char app_verify_usage[] =
    "daybook verify --data DIR [--config FILE]\n"
    "daybook verify --archive NAME|ID [--full | --sample 1%] --data DIR [--config FILE]\n"
    "daybook verify EXPORT-DIR [--log-key KEY [--witness-key KEY]...]\n"
    "daybook verify FILE.eml --proof FILE --log-key KEY [--witness-key KEY]...\n\n"
    "Reads every message that is kept, in packs and in the intake log, and checks digests, seals "
    "and\n"
    "directories; and every record of the audit log, and its chain. Each problem is a line that "
    "names file and place. Stop the server first.\n\n"
    "The second form looks at one archive, and shows how far it is: every message against its "
    "record, leaf\n"
    "and tree, or a sample, each message of which is proved from its bytes up to the signed "
    "root. Interrupted,\n"
    "it says how to go on.\n\n"
    "  --sample SHARE  a share of the messages, like 1% or 0.25%\n"
    "  --full          all of them, which is the default\n"
    "  --seed N        the sample of that seed; each run prints its own\n"
    "  --after PACK    go on behind that pack\n\n"
    "The other two forms need neither server nor data directory: an export against its manifest "
    "and "
    "proofs,\n"
    "and one message against its proof.\n\n"
    "  --proof FILE    the message's proof\n"
    "  --log-key KEY   the log's key, name+id+base64; get it from "
    "elsewhere than the proof\n"
    "  --witness-key KEY  the key of a witness that must have signed the checkpoint; may be "
    "repeated\n\n"
    "Exit code 8 when anything is wrong.\n";

static void
print_problem(void *ctx, const char *what)
{
	uint64_t *count = ctx;

	(*count)++;
	(void)printf("%s\n", what);
}

/* code_out: of --archive. */
static bool
verify(const struct app_config *config, const struct app_store *store, const struct cli_args *args,
    uint64_t *checked, uint64_t *problems, int *code_out, struct err *err)
{
	struct archive_options o = {.fs = os_fs_real(),
	    .dir = config->text[APP_DATA],
	    .keys = store->keys,
	    .clock = clock_system(),
	    .rng = rng_system()};
	struct archive_recovery found;
	struct archive *archive;
	struct app_keys keys;
	bool ok;

	ok = app_keys_open(config, &keys, err);
	app_keys_archive_options(config, &keys, &o);
	if (!ok || !archive_open(&o, &archive, &found, err)) {
		app_keys_close(&keys);
		return false;
	}
	/* What recovery set aside was named in the log as it was found. */
	*problems += found.corrupt_records + found.corrupt_packs;
	if (cli_args_has(args, "archive")) {
		*code_out = app_verify_archive(args, archive, store->catalog, *problems);
		ok = true;
	} else {
		ok = archive_verify(archive, NULL, NULL, print_problem, problems, checked, err);
	}
	archive_close(&archive);
	app_keys_close(&keys);
	return ok;
}

static bool
verify_audit(const struct app_config *config, const struct app_store *store, uint64_t *records,
    uint64_t *problems, struct err *err)
{
	struct audit_recovery found;
	struct audit_options o;
	struct audit *audit;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	o = app_store_audit_options(config, store, &arena);
	ok = audit_open(&o, &audit, &found, err);
	if (ok) {
		*problems += found.damaged;
		ok = audit_verify(audit, NULL, print_problem, problems, records, err);
		audit_close(&audit);
	}
	arena_fini(&arena);
	return ok || err_prefix(err, "audit log");
}

static int
report(uint64_t checked, uint64_t records, uint64_t problems)
{
	(void)printf("audit log: %llu records checked\n", (unsigned long long)records);
	(void)printf("%llu messages checked, %llu problems\n", (unsigned long long)checked,
	    (unsigned long long)problems);
	return problems > 0 ? CLI_EXIT_INTEGRITY : CLI_EXIT_DONE;
}

static int
verify_data(const struct cli_args *args)
{
	struct app_config config;
	struct app_store store = {.keys = NULL};
	struct err err;
	uint64_t checked = 0, records = 0, problems = 0;
	bool one = cli_args_has(args, "archive");
	int lock_fd = -1, code = app_command_config(args, &config);

	log_set_role("verify");
	if (code == 0) {
		if (app_command_lock(&config, &lock_fd, &err) &&
		    app_store_open(&config, &store, &err) &&
		    verify(&config, &store, args, &checked, &problems, &code, &err) &&
		    (one || verify_audit(&config, &store, &records, &problems, &err))) {
			code = one ? code : report(checked, records, problems);
		} else {
			code = app_usage("verify", &err);
		}
		app_store_close(&store);
	}
	os_close(&lock_fd);
	app_config_fini(&config);
	return code;
}

static const struct cli_option verify_options[] = {{"proof", "FILE", "the message's proof", false},
    {"log-key", "KEY", "the log's key", false},
    {"witness-key", "KEY", "the key of a witness that must have signed", true},
    {"archive", "NAME|ID", "one archive alone", false},
    {"sample", "SHARE", "a share of its messages, like 1%", false},
    {"full", NULL, "all of its messages", false}, {"seed", "N", "of the sample", false},
    {"after", "PACK", "go on behind that pack", false}, {NULL, NULL, NULL, false}};

int
app_verify_run(int argc, char **argv)
{
	struct cli_args args;
	struct err err;

	if (!cli_args_parse(app_server_options, verify_options, argc, argv, &args, &err))
		return app_usage("verify", &err);
	if (args.operand_count == 1)
		return app_verify_offline(&args);
	if (args.operand_count > 1 || cli_args_has(&args, "proof") ||
	    cli_args_has(&args, "log-key") || cli_args_has(&args, "witness-key") ||
	    (!cli_args_has(&args, "archive") &&
		(cli_args_has(&args, "sample") || cli_args_has(&args, "full") ||
		    cli_args_has(&args, "seed") || cli_args_has(&args, "after")))) {
		(void)fprintf(stderr,
		    "daybook verify: give one export directory, or one message with "
		    "--proof and --log-key, or --archive with --sample or --full\n");
		return CLI_EXIT_USAGE;
	}
	return verify_data(&args);
}
