/* SPDX-License-Identifier: Apache-2.0 */
/* A program that wraps and unwraps: one line of JSON to it, one back. docs/formats/key-command.md. */
#include <string.h>

#include "base_mem.h"
#include "base_text.h"
#include "keys_int.h"
#include "os_command.h"

#define MESSAGE_MAX 100

static const char *const data_path[] = {"data", NULL};

struct command {
	char *program, *key;
	unsigned call_ms;
};

/* {"error":"away"|"denied"|…} is the program's way to say why not. */
static bool
refused(struct bytes reply, struct err *err)
{
	static const char *const path[] = {"error", NULL};
	struct bytes why;

	if (!keys_reply_find(reply, path, &why))
		return true;
	if (why.len > MESSAGE_MAX || !text_is_ascii(why))
		why = BYTES_LIT("(unreadable)");
	return ERR(err,
	    bytes_equal(why, BYTES_LIT("away"))     ? ERR_TIMEOUT
	    : bytes_equal(why, BYTES_LIT("denied")) ? ERR_DENIED
						    : ERR_SEALED,
	    "%.*s", (int)why.len, (const char *)why.ptr);
}

static bool
call(struct command *c, const char *operation, struct bytes context, struct bytes data,
    struct buf *line, struct buf *reply, struct err *err)
{
	buf_append_str(line, "{\"version\":1,\"operation\":\"");
	buf_append_str(line, operation);
	buf_append_str(line, "\",\"key\":\"");
	buf_append_str(line, c->key);
	buf_append_str(line, "\",\"context\":\"");
	text_base64_encode(line, context);
	buf_append_str(line, "\",\"data\":\"");
	text_base64_encode(line, data);
	buf_append_str(line, "\"}\n");
	if (!buf_ok(line, err))
		return false;
	if (!os_command_run(c->program, buf_view(line), c->call_ms, reply, err)) {
		/* A program that could not do it is a service that is away; one that is not there too. */
		if (err->code != ERR_LIMIT)
			err->code = ERR_TIMEOUT;
		return err_prefix(err, "%.80s", c->program);
	}
	return refused(buf_view(reply), err);
}

/* Text with a key in it lies in a secret: the line to the program when wrapping, its reply when unwrapping. */
static bool
command_seal(
    void *self, struct bytes context, struct bytes payload, struct buf *out, struct err *err)
{
	struct keys_text line;
	struct buf reply;
	bool ok;

	keys_text_init(&line);
	buf_init(&reply, 4 * (size_t)CRYPT_WRAPPED_ANY_BYTES_MAX);
	ok = call(self, "wrap", context, payload, &line.buf, &reply, err) &&
	     (keys_reply_base64(buf_view(&reply), data_path, out) ||
		 ERR(err, ERR_SEALED, "its answer holds no data"));
	buf_fini(&reply);
	keys_text_fini(&line);
	return ok;
}

static bool
command_unseal(void *self, struct bytes context, struct bytes sealed, struct secret **payload_out,
    struct err *err)
{
	struct keys_text reply;
	struct buf line;
	bool ok;

	keys_text_init(&reply);
	buf_init(&line, 4 * (size_t)CRYPT_WRAPPED_ANY_BYTES_MAX);
	ok = call(self, "unwrap", context, sealed, &line, &reply.buf, err);
	ok = ok && keys_reply_payload(buf_view(&reply.buf), data_path, payload_out, err);
	buf_fini(&line);
	keys_text_fini(&reply);
	return ok;
}

static void
command_free(void *self)
{
	struct command *c = self;

	mem_free(c->program);
	mem_free(c->key);
	mem_free(c);
}

bool
keys_command_open(const struct keys_options *o, struct keys_backend *out, struct err *err)
{
	static const struct keys_backend_ops ops = {command_seal, command_unseal, command_free};
	const char *key = o->key != NULL && o->key[0] != '\0' ? o->key : o->name;
	struct command *c;

	if (o->program == NULL || o->program[0] != '/')
		return ERR(err, ERR_USAGE, "program must be an absolute path");
	if (strlen(key) > 256 || strpbrk(key, "\"\\\r\n\t") != NULL ||
	    !text_is_ascii(bytes_of_str(key)))
		return ERR(err, ERR_USAGE, "key must be plain text");
	c = mem_calloc(1, sizeof *c);
	c->program = mem_strdup(o->program);
	c->key = mem_strdup(key);
	c->call_ms = o->call_ms;
	*out = (struct keys_backend){&ops, c, c->key};
	return true;
}
