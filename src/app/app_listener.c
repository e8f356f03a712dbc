/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of ingress points: wished for, bound, kept across changes that do not concern them,
 * given back. */
#include <string.h>

#include "app_supervisor_int.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_socket.h"

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct listener *
find(struct supervisor *s, const char *id)
{
	for (struct listener *l = s->listeners; l != NULL; l = l->next)
		if (strcmp(l->id, id) == 0)
			return l;
	return NULL;
}

static bool
taken(const struct supervisor *s, const char *address)
{
	for (const struct listener *l = s->listeners; l != NULL; l = l->next)
		if (strcmp(l->address, address) == 0)
			return true;
	return false;
}

static void
tell_smtp(struct supervisor *s, enum wire_kind kind, const struct listener *l)
{
	struct child *smtp = &s->children[WIRE_ROLE_SMTP];
	struct wire_out o = {.kind = kind, .body_fd = -1, .fd = kind == WIRE_LISTENER ? l->fd : -1};
	struct buf payload;
	struct err err;

	if (smtp->channel == NULL)
		return;
	buf_init(&payload, 4096);
	buf_bytes16(&payload, bytes_of_str(l->id));
	o.payload = buf_view(&payload);
	if (!wire_channel_send(smtp->channel, &o, &err))
		log_error("listener for smtp: %s", err.msg);
	buf_fini(&payload);
}

static void
listener_free(struct listener *l)
{
	os_close(&l->fd);
	mem_free(l->id);
	mem_free(l->wish);
	mem_free(l->address);
	mem_free(l);
}

static void
drop_unwanted(struct supervisor *s)
{
	struct listener **at = &s->listeners;

	while (*at != NULL) {
		struct listener *l = *at;

		if (l->wanted) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		tell_smtp(s, WIRE_LISTENER_GONE, l);
		log_info("%s is free again", l->address);
		listener_free(l);
	}
}

/* Bind text for id; the address as bound goes into a new listener. */
static bool
bind_at(struct supervisor *s, const char *id, const char *wish, const char *text, struct err *err)
{
	char bound[OS_ADDRESS_TEXT_SIZE];
	struct os_address address;
	struct listener *l;
	int fd;

	if (!os_address_parse(&address, bytes_of_str(text), err))
		return err_prefix(err, "%.60s", text);
	if (taken(s, text))
		return ERR(err, ERR_BUSY, "%.60s is used by another ingress point", text);
	if (!os_socket_listen(&address, &fd, err))
		return err_prefix(err, "%.60s", text);
	if (!os_socket_local(fd, &address, err)) {
		os_close(&fd);
		return false;
	}
	os_address_format(bound, &address);
	l = mem_calloc(1, sizeof *l);
	l->id = mem_strdup(id);
	l->wish = wish != NULL ? mem_strdup(wish) : NULL;
	l->address = mem_strdup(bound);
	l->fd = fd;
	l->wanted = true;
	l->next = s->listeners;
	s->listeners = l;
	tell_smtp(s, WIRE_LISTENER, l);
	return true;
}

/* The first --smtp address that is free, the one it had before if that is among them. */
static bool
bind_any(struct supervisor *s, const char *id, const char *last, struct err *err)
{
	const char *words[APP_LISTENS_MAX];
	struct arena arena;
	size_t count;
	bool done = false;

	arena_init(&arena);
	count = app_config_words(s->config, APP_SMTP_LISTEN, &arena, words);
	(void)ERR(err, ERR_BUSY,
	    "every address of smtp.listen is in use; add one, or tag the endpoint daybook:listen");
	for (size_t i = 0; i < count && !done && last != NULL; i++)
		if (strcmp(words[i], last) == 0 && !taken(s, last))
			done = bind_at(s, id, NULL, last, err);
	for (size_t i = 0; i < count && !done; i++)
		if (!taken(s, words[i]))
			done = bind_at(s, id, NULL, words[i], err);
	arena_fini(&arena);
	return done;
}

static void
add_result(struct json *results, const char *id, const struct listener *l, const char *reason)
{
	struct json *r = json_new_object();

	json_set_str(r, "Id", id);
	json_set_bool(r, "Ok", l != NULL);
	json_set_str(r, "Address", l != NULL ? l->address : NULL);
	json_set_str(r, "Reason", l != NULL ? NULL : reason);
	json_push(results, r);
}

static void
satisfy(struct supervisor *s, const struct json *item, struct json *results)
{
	const char *id = json_get_str(item, "Id"), *wish = json_get_str(item, "Address");
	struct err err = {.msg = ""};

	if (find(s, id) == NULL &&
	    !(wish != NULL ? bind_at(s, id, wish, wish, &err)
			   : bind_any(s, id, json_get_str(item, "Last"), &err)))
		log_debug("endpoint %s: %s", id, err.msg); /* the core tells when it is news */
	add_result(results, id, find(s, id), err.msg);
}

static void
answer(struct supervisor *s, const struct json *results)
{
	struct wire_out o = {.kind = WIRE_LISTEN_RESULT, .body_fd = -1, .fd = -1};
	struct child *core = &s->children[WIRE_ROLE_CORE];
	struct buf text;
	struct err err;

	if (core->channel == NULL)
		return;
	buf_init(&text, WIRE_BODY_BYTES_MAX);
	json_print(results, &text);
	o.body = buf_view(&text);
	if (!wire_channel_send(core->channel, &o, &err))
		log_error("listeners: %s", err.msg);
	buf_fini(&text);
}

void
supervisor_listen(struct supervisor *s, struct bytes body)
{
	struct json *results = json_new_array();
	struct err err;
	struct json *set = json_parse(body, &err);

	if (set == NULL) {
		log_error("what should listen: %s", err.msg);
		json_free(&results);
		return;
	}
	for (struct listener *l = s->listeners; l != NULL; l = l->next)
		l->wanted = false;
	for (size_t i = 0; i < json_count(set); i++) {
		struct listener *l = find(s, json_get_str(json_at(set, i), "Id"));

		if (l != NULL)
			l->wanted = same(l->wish, json_get_str(json_at(set, i), "Address"));
	}
	drop_unwanted(s);
	/* Addresses asked for by name come first: "any" must not take them away. */
	for (size_t i = 0; i < json_count(set); i++)
		if (json_get_str(json_at(set, i), "Address") != NULL)
			satisfy(s, json_at(set, i), results);
	for (size_t i = 0; i < json_count(set); i++)
		if (json_get_str(json_at(set, i), "Address") == NULL)
			satisfy(s, json_at(set, i), results);
	answer(s, results);
	json_free(&results);
	json_free(&set);
}

void
supervisor_listeners_send(struct supervisor *s)
{
	for (const struct listener *l = s->listeners; l != NULL; l = l->next)
		tell_smtp(s, WIRE_LISTENER, l);
}

void
supervisor_listeners_free(struct supervisor *s)
{
	while (s->listeners != NULL) {
		struct listener *l = s->listeners;

		s->listeners = l->next;
		listener_free(l);
	}
}
