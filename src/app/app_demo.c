/* SPDX-License-Identifier: Apache-2.0 */
/* daybook demo: a server of its own on loopback, set up as an organisation would, fed with mail,
 * searched, exported. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "app_command_int.h"
#include "app_demo_mail.h"
#include "base_clock.h"
#include "base_mem.h"
#include "base_limits.h"
#include "cli_client.h"
#include "json_value.h"
#include "os_fs.h"
#include "os_host.h"
#include "os_loop.h"
#include "os_process.h"

#define READY_WAIT_MS   10000
#define POLL_MS         20
#define JOURNAL_ADDRESS "journaling@journaling.solutions"
#define OTHER_ADDRESS   "somebody.else@journaling.solutions"

const char app_demo_usage[] =
    "daybook demo [--data DIR] [--smtp ADDR:PORT] [--http ADDR:PORT] [--once]\n\n"
    "Starts a server of its own on loopback, sets it up for journaling, sends mail, searches, "
    "shows and\n"
    "exports, and stays up until Ctrl-C.\n\n"
    "  --data DIR         keep everything there (a new directory, removed at the end)\n"
    "  --smtp ADDR:PORT   where the ingress point listens (127.0.0.1:2525)\n"
    "  --http ADDR:PORT   where the API listens (127.0.0.1:8025)\n"
    "  --once             end when everything was shown\n";

static const struct cli_option options[] = {{"data", "DIR", "", false},
    {"smtp", "ADDR:PORT", "", false}, {"http", "ADDR:PORT", "", false}, {"once", NULL, "", false},
    {NULL, NULL, NULL, false}};

struct demo {
	struct os_loop *loop;
	struct os_watch *timer, *child_signal, *int_signal, *term_signal;
	const char *smtp, *http;
	char *scratch; /* removed at the end; NULL with --data */
	struct arena arena;
	const char *data, *archive_id, *archive_arn;
	struct cli_client *client;
	pid_t pid; /* of the server; 0 = gone */
	bool once, interrupted, stepped;
};

/* What a person should see now, even when the output is a pipe. */
static void PRINTF_LIKE(1, 2) say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)fflush(stdout);
}

static void
on_tick(void *ctx, unsigned ready)
{
	struct demo *d = ctx;

	(void)ready;
	d->stepped = true;
}

static void
on_child(void *ctx, unsigned ready)
{
	struct demo *d = ctx;
	int status;

	(void)ready;
	if (os_process_reap(&status) != 0)
		d->pid = 0;
}

static void
on_interrupt(void *ctx, unsigned ready)
{
	struct demo *d = ctx;

	(void)ready;
	d->interrupted = true;
}

static void
pause_ms(struct demo *d, int64_t ms)
{
	d->stepped = false;
	os_watch_after(d->timer, ms);
	while (!d->stepped)
		os_loop_step(d->loop, 1000);
}

/* input is taken. */
static struct json *
call(struct demo *d, const char *target, struct json *input, struct err *err)
{
	struct json *output = cli_client_call(d->client, target, input, err);

	json_free(&input);
	return output;
}

/* Input as JSON text, with ' for ". */
static struct json *
call_text(struct demo *d, const char *target, char *text, struct err *err)
{
	struct json *input;

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	input = json_parse(bytes_of_str(text), err);
	must(input != NULL);
	return call(d, target, input, err);
}

static bool
start_server(struct demo *d, struct err *err)
{
	const char *config = arena_printf(&d->arena, "%s.conf", d->data);
	const char *argv[] = {"daybook", "serve", "--data", d->data, "--smtp", d->smtp, "--http",
	    d->http, "--config", config, NULL};
	struct os_spawn spawn = {.argv = argv};

	return os_fs_write_file(os_fs_real(), config,
		   BYTES_LIT("[server]\nlog = warn\nhostname = localhost\n"), err) &&
	       os_process_spawn(&spawn, &d->pid, err);
}

static bool
await_server(struct demo *d, struct err *err)
{
	const struct cli_client_options o = {.data_dir = d->data, .region = "us-east-1"};
	struct clock clock = clock_system();
	int64_t end_ms = clock_mono_ms(&clock) + READY_WAIT_MS;

	if (!cli_client_open(&o, &d->client, err))
		return false;
	while (clock_mono_ms(&clock) < end_ms && d->pid != 0 && !d->interrupted) {
		struct json *status = call(d, "Daybook.GetStatus", json_new_object(), err);

		if (status != NULL) {
			json_free(&status);
			return true;
		}
		pause_ms(d, POLL_MS);
	}
	if (d->pid == 0)
		return ERR(err, ERR_IO, "the server ended; what it said stands above");
	return false;
}

/* One Create call; the id it answers goes into *id_out. */
static bool
create(struct demo *d, const char *operation, char *text, const char *id_key, const char **id_out,
    struct err *err)
{
	struct json *output = call_text(d, operation, text, err);
	const char *id = json_get_str(output, id_key);

	if (output == NULL)
		return false;
	*id_out = arena_strdup(&d->arena, id != NULL ? id : "");
	json_free(&output);
	return true;
}

static bool
await_endpoint(struct demo *d, const char *id, struct err *err)
{
	for (int i = 0; i < READY_WAIT_MS / POLL_MS; i++) {
		struct json *input = json_new_object(), *output;
		const char *status;
		bool active, failed;

		json_set_str(input, "IngressPointId", id);
		output = call(d, "MailManagerSvc.GetIngressPoint", input, err);
		if (output == NULL)
			return false;
		status = json_get_str(output, "Status");
		active = status != NULL && strcmp(status, "ACTIVE") == 0;
		failed = status != NULL && strcmp(status, "FAILED") == 0;
		json_free(&output);
		if (active)
			return true;
		if (failed)
			return ERR(
			    err, ERR_BUSY, "the ingress point cannot listen on %.40s", d->smtp);
		pause_ms(d, POLL_MS);
	}
	return ERR(err, ERR_TIMEOUT, "the ingress point does not become active");
}

static bool
set_up(struct demo *d, struct err *err)
{
	struct arena *a = &d->arena;
	const char *rules, *policy, *endpoint;

	say("%s", "Setting up, as an organisation would:\n");
	if (!create(d, "MailManagerSvc.CreateArchive",
		arena_strdup(a, "{'ArchiveName':'journaling-archive-demo','Retention':{'"
				"RetentionPeriod':'PERMANENT'}}"),
		"ArchiveId", &d->archive_id, err))
		return false;
	say("  archive         journaling-archive-demo   %s\n", d->archive_id);
	if (!create(d, "MailManagerSvc.CreateRuleSet",
		arena_printf(a,
		    "{'RuleSetName':'journaling-rule-demo','Rules':[{'Name':'journal-all','Actions'"
		    ":"
		    "[{'Archive':{'TargetArchive':'%s'}}]}]}",
		    d->archive_id),
		"RuleSetId", &rules, err))
		return false;
	say("  rule set        journaling-rule-demo      %s\n", rules);
	if (!create(d, "MailManagerSvc.CreateTrafficPolicy",
		arena_strdup(a, "{'TrafficPolicyName':'journaling-traffic-demo','DefaultAction':'"
				"DENY','PolicyStatements':"
				"[{'Action':'ALLOW','Conditions':[{'StringExpression':{'Evaluate':{"
				"'Attribute':'RECIPIENT'},"
				"'Operator':'EQUALS','Values':['" JOURNAL_ADDRESS "']}}]}]}"),
		"TrafficPolicyId", &policy, err))
		return false;
	say("  traffic policy  journaling-traffic-demo   %s\n", policy);
	if (!create(d, "MailManagerSvc.CreateIngressPoint",
		arena_printf(a,
		    "{'IngressPointName':'journaling-demo-IG','Type':'OPEN','RuleSetId':'%s','"
		    "TrafficPolicyId':'%s',"
		    "'TlsPolicy':'OPTIONAL','Tags':[{'Key':'daybook:listen','Value':'%s'}]}",
		    rules, policy, d->smtp),
		"IngressPointId", &endpoint, err))
		return false;
	say("  ingress point   journaling-demo-IG        %s\n", endpoint);
	return await_endpoint(d, endpoint, err);
}

static bool
send_one(struct app_demo_session *s, const char *from, const char *to, const struct buf *mail,
    bool want, struct err *err)
{
	char reply[APP_DEMO_REPLY_SIZE];
	bool accepted;

	if (!app_demo_send(s, from, to, buf_view(mail), reply, &accepted, err))
		return false;
	if (accepted != want)
		return ERR(err, ERR_IO, "mail to %.60s was answered: %.100s", to, reply);
	(void)printf("  to %-34s %s\n", to, reply);
	return true;
}

static bool
send_mail(struct demo *d, struct err *err)
{
	struct clock clock = clock_system();
	int64_t now_ms = clock_now_ms(&clock);
	struct app_demo_session *s;
	struct os_address to;
	struct buf mail;
	bool ok;

	say("\nSending mail to %s:\n", d->smtp);
	if (!os_address_parse(&to, bytes_of_str(d->smtp), err) || !app_demo_connect(&to, &s, err))
		return false;
	buf_init(&mail, LIMIT_MIB);
	ok = true;
	for (size_t i = 0; i < APP_DEMO_REPORTS && ok; i++) {
		buf_reset(&mail);
		app_demo_report(i, now_ms, &mail);
		ok = send_one(s, "", JOURNAL_ADDRESS, &mail, true, err);
	}
	buf_reset(&mail);
	app_demo_direct(now_ms, &mail);
	ok = ok && send_one(s, "somebody@elsewhere.example", JOURNAL_ADDRESS, &mail, true, err) &&
	     send_one(s, "somebody@elsewhere.example", OTHER_ADDRESS, &mail, false, err);
	buf_fini(&mail);
	app_demo_quit(&s);
	return ok;
}

/* A command as the user would type it, and what it prints. */
static bool
run(struct demo *d, const char *shown, const char *const *words, struct err *err)
{
	char *argv[24];
	int argc = 0, code;

	say("\n$ daybook %s\n", shown);
	argv[argc++] = arena_strdup(&d->arena, "daybook");
	for (size_t i = 0; words[i] != NULL; i++)
		argv[argc++] = arena_strdup(&d->arena, words[i]);
	argv[argc++] = arena_strdup(&d->arena, "--data");
	argv[argc++] = arena_strdup(&d->arena, d->data);
	argv[argc] = NULL;
	code = cli_main(argc, argv, NULL, 0);
	(void)fflush(stdout);
	return code == CLI_EXIT_DONE ||
	       ERR(err, ERR_IO, "daybook %.60s ended with %d", shown, code);
}

static bool
newest_id(struct demo *d, const char **out, struct err *err)
{
	struct clock clock = clock_system();
	int64_t now_ms = clock_now_ms(&clock);
	struct json *input = json_new_object(), *output, *again;
	const char *id;

	json_set_str(input, "ArchiveId", d->archive_id);
	json_set_seconds(input, "FromTimestamp", now_ms - 12 * 3600 * 1000);
	json_set_seconds(input, "ToTimestamp", now_ms + 1000);
	json_set_integer(input, "MaxResults", 1);
	output = call(d, "MailManagerSvc.StartArchiveSearch", input, err);
	if (output == NULL)
		return false;
	for (int i = 0; i < READY_WAIT_MS / POLL_MS; i++) {
		again = call(d, "MailManagerSvc.GetArchiveSearchResults", json_copy(output), err);
		if (again != NULL)
			break;
		pause_ms(d, POLL_MS);
	}
	json_free(&output);
	id = json_get_str(json_at(json_get(again, "Rows"), 0), "ArchivedMessageId");
	*out = arena_strdup(&d->arena, id != NULL ? id : "");
	json_free(&again);
	return id != NULL || ERR(err, ERR_NOT_FOUND, "the search found nothing");
}

static bool
look(struct demo *d, struct err *err)
{
	const char *id;
	const char *const search[] = {
	    "search", "--archive", "journaling-archive-demo", "--last", "12h", NULL};
	const char *const find[] = {"search", "--archive", "journaling-archive-demo", "--last",
	    "12h", "--subject", "acme", NULL};
	const char *const export[] = {"export", "create", "--archive", "journaling-archive-demo",
	    "--last", "12h", "--destination", "s3://evidence/demo", "--include-metadata", "--wait",
	    NULL};
	const char *show[] = {"show", NULL, NULL};

	if (!run(d, "search --archive journaling-archive-demo --last 12h", search, err) ||
	    !run(d, "search --archive journaling-archive-demo --last 12h --subject acme", find,
		err) ||
	    !newest_id(d, &id, err))
		return false;
	show[1] = id;
	return run(d, arena_printf(&d->arena, "show %s", id), show, err) &&
	       run(d,
		   "export create --archive journaling-archive-demo --last 12h --destination "
		   "s3://evidence/demo --include-metadata --wait",
		   export, err);
}

static void
print_next(const struct demo *d)
{
	(void)printf("\nThe export lies in  %s/export/evidence/demo\n", d->data);
	(void)printf("Mail goes to        %s (SMTP)\n", d->smtp);
	(void)printf("The API listens at  http://%s/\n\n", d->http);
	(void)printf("Try next:\n");
	(void)printf(
	    "  export AWS_SHARED_CREDENTIALS_FILE=%s/credentials AWS_DEFAULT_REGION=us-east-1\n",
	    d->data);
	(void)printf("  aws mailmanager list-archives --endpoint-url http://%s\n", d->http);
	(void)printf(
	    "  aws mailmanager list-archive-searches --archive-id %s --endpoint-url http://%s\n",
	    d->archive_id, d->http);
	(void)printf("  swaks --server %s --to " JOURNAL_ADDRESS "\n", d->smtp);
	(void)printf("  daybook status --data %s\n", d->data);
	(void)fflush(stdout);
}

static void
stop_server(struct demo *d)
{
	if (d->pid != 0)
		(void)kill(d->pid, SIGTERM);
	while (d->pid != 0)
		os_loop_step(d->loop, 1000);
}

static bool
play(struct demo *d, struct err *err)
{
	if (!start_server(d, err) || !await_server(d, err) || !set_up(d, err) ||
	    !send_mail(d, err) || !look(d, err))
		return false;
	print_next(d);
	if (d->once)
		return true;
	say("%s", "\nCtrl-C ends it.\n");
	while (!d->interrupted && d->pid != 0)
		os_loop_step(d->loop, 1000);
	return d->pid != 0 || d->interrupted || ERR(err, ERR_IO, "the server ended");
}

static bool
demo_open(struct demo *d, const struct cli_args *args, struct err *err)
{
	const char *dir = cli_args_value(args, "data");

	arena_init(&d->arena);
	d->smtp =
	    cli_args_value(args, "smtp") != NULL ? cli_args_value(args, "smtp") : "127.0.0.1:2525";
	d->http =
	    cli_args_value(args, "http") != NULL ? cli_args_value(args, "http") : "127.0.0.1:8025";
	d->once = cli_args_has(args, "once");
	if (dir != NULL) {
		char *absolute = os_path_absolute(dir);

		d->data = arena_strdup(&d->arena, absolute);
		mem_free(absolute);
	} else if (os_temporary_dir("daybook-demo-", &d->scratch, err)) {
		d->data = arena_printf(&d->arena, "%s/data", d->scratch);
	} else {
		return false;
	}
	d->loop = os_loop_new();
	d->timer = os_watch_timer(d->loop, on_tick, d);
	d->child_signal = os_watch_signal(d->loop, SIGCHLD, on_child, d);
	d->int_signal = os_watch_signal(d->loop, SIGINT, on_interrupt, d);
	d->term_signal = os_watch_signal(d->loop, SIGTERM, on_interrupt, d);
	return true;
}

static void
demo_close(struct demo *d)
{
	struct err err;

	if (d->loop != NULL) {
		stop_server(d);
		cli_client_close(&d->client);
		os_watch_free(&d->timer);
		os_watch_free(&d->child_signal);
		os_watch_free(&d->int_signal);
		os_watch_free(&d->term_signal);
		os_loop_free(&d->loop);
	}
	if (d->scratch != NULL && !os_remove_tree(d->scratch, &err))
		(void)fprintf(stderr, "daybook demo: %s\n", err.msg);
	mem_free(d->scratch);
	arena_fini(&d->arena);
}

int
app_demo_run(int argc, char **argv)
{
	struct demo *d = mem_calloc(1, sizeof *d);
	struct cli_args args;
	struct err err;
	int code = CLI_EXIT_DONE;

	if (!cli_args_parse(options, NULL, argc, argv, &args, &err)) {
		mem_free(d);
		return app_usage("demo", &err);
	}
	os_umask(077);
	if (!demo_open(d, &args, &err) || !play(d, &err))
		code = d->interrupted ? CLI_EXIT_DONE : app_usage("demo", &err);
	demo_close(d);
	mem_free(d);
	return code;
}
