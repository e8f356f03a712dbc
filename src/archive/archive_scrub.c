/* SPDX-License-Identifier: Apache-2.0 */
/* One pack after the other read again, in the order of their names. */
#include <stdio.h>
#include <string.h>

#include "archive_int.h"

/* The place of a pack: its path beneath archives/. */
static const char *
place_of(const struct archive *a, const struct pack *p)
{
	const char *path = pack_path(p);
	size_t len = strlen(a->archives_dir);

	return strncmp(path, a->archives_dir, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

/* The pack of the smallest name behind place, held; NULL: there is none. */
static struct pack *
pack_after(struct archive *a, const char *place, struct archive_scrub_step *step)
{
	struct pack *next = NULL;
	struct pack_info info;

	archive_lock(&a->lock);
	for (size_t v = 0; v < a->volume_count; v++)
		for (size_t i = 0; i < a->volumes[v]->pack_count; i++) {
			struct pack *p = a->volumes[v]->packs[i];

			pack_info_get(p, &info);
			step->total_bytes += info.file_bytes;
			step->total_packs++;
			if (strcmp(place_of(a, p), place) > 0 &&
			    (next == NULL || strcmp(place_of(a, p), place_of(a, next)) < 0))
				next = p;
		}
	if (next != NULL)
		next = pack_hold(next);
	archive_unlock(&a->lock);
	return next;
}

bool
archive_scrub_next(struct archive *a, char place[ARCHIVE_SCRUB_PLACE_SIZE],
    const atomic_bool *cancel, pack_problem_fn problem, void *ctx, struct archive_scrub_step *step,
    struct err *err)
{
	struct pack_info info;
	struct pack *p;
	bool ok;

	*step = (struct archive_scrub_step){0};
	p = pack_after(a, place, step);
	step->none = p == NULL;
	if (p == NULL) {
		place[0] = '\0';
		return true;
	}
	pack_info_get(p, &info);
	ok = pack_verify(p, cancel, problem, ctx, &step->messages, err);
	if (ok) {
		step->bytes = info.file_bytes;
		(void)snprintf(place, ARCHIVE_SCRUB_PLACE_SIZE, "%s", place_of(a, p));
	}
	pack_release(&p);
	return ok;
}
