/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room on the data volume: smtp hears when there is too little, so that MAIL is refused before a message is sent; and
 * a file without content is given up when others fill the disk, so that management goes on.
 */
#include "app_core_int.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_fs.h"

#define HELD_BYTES_MAX (16 * LIMIT_MIB)

static uint64_t
reserve_bytes(const struct core *c)
{
	return (uint64_t)app_config_number(&c->role.config, APP_ARCHIVE_RESERVE_MIB) * LIMIT_MIB;
}

/* What the file holds: so little that mail is still refused when it is given up. */
static uint64_t
held_bytes(const struct core *c)
{
	uint64_t bytes = reserve_bytes(c) / 4;

	return bytes < HELD_BYTES_MAX ? bytes : HELD_BYTES_MAX;
}

static void
hold(struct core *c, const char *path)
{
	struct os_file *file = NULL;
	struct err err, ignored;

	if (!os_fs_open(os_fs_real(), path, OS_OPEN_CREATE, &file, &err)) {
		c->space_held = err.code == ERR_EXISTS;
		return;
	}
	c->space_held = os_file_allocate(file, held_bytes(c), &err);
	os_file_drop(&file);
	if (!c->space_held && !os_fs_unlink(os_fs_real(), path, &ignored))
		log_warn("%s: %s", path, ignored.msg);
}

static void
give_up(struct core *c, const char *path)
{
	struct err err;

	c->space_held = false;
	if (os_fs_unlink(os_fs_real(), path, &err))
		log_warn("the data volume is full: the room kept in %s is given up for management",
		    path);
	else if (err.code != ERR_NOT_FOUND)
		log_warn("%s: %s", path, err.msg);
}

/* Given up when half of it would be more than there is; held again when that leaves the reserve alone. */
static void
held_check(struct core *c)
{
	uint64_t left;
	struct arena arena;
	const char *path;
	struct err err;

	if (!os_fs_space(os_fs_real(), c->role.config.text[APP_DATA], &left, &err))
		return;
	arena_init(&arena);
	path = arena_printf(&arena, "%s/reserve", c->role.config.text[APP_DATA]);
	if (c->space_held && left < held_bytes(c) / 2)
		give_up(c, path);
	else if (!c->space_held && left > reserve_bytes(c) + 2 * held_bytes(c))
		hold(c, path);
	arena_fini(&arena);
}

void
core_send_space(struct core *c)
{
	struct wire_out o = {.kind = WIRE_SPACE, .body_fd = -1, .fd = -1};
	uint8_t low = c->space_low;
	struct err err;

	o.payload = bytes_of(&low, 1);
	if (c->edges[WIRE_ROLE_SMTP] != NULL &&
	    !wire_channel_send(c->edges[WIRE_ROLE_SMTP], &o, &err))
		log_error("room for smtp: %s", err.msg);
}

void
core_check_space(struct core *c)
{
	bool low = archive_space_low(c->archive);

	held_check(c);
	if (low == c->space_low)
		return;
	c->space_low = low;
	if (low)
		log_warn("less room than the reserve: mail is answered with 452");
	else
		log_info("there is room again: mail is taken");
	core_send_space(c);
}
