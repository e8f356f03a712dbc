/* SPDX-License-Identifier: Apache-2.0 */
/* Power loss: one of the states a disk in memory may be found in. */
#include <string.h>

#include "base_mem.h"
#include "base_rng.h"
#include "os_fs_memory_int.h"

/* What is decided once for a crash; the rest is drawn from seed per name operation, file and sector. */
struct fate {
	enum os_crash mode;
	uint64_t seed;
	struct memory_node **copies;  /* by node id; NULL until copied */
	struct memory_entries *names; /* by node id: entries that survive */
};

/* A number that depends on nothing but seed, what and which: the same sector is asked about more than once. */
static uint64_t
draw(uint64_t seed, uint64_t what, uint64_t which)
{
	struct rng_seeded seeded = {
	    .state = seed ^ (what * 0x9e3779b97f4a7c15ULL) ^ (which * 0xc2b2ae3d27d4eb4fULL)};
	struct rng rng = rng_seeded(&seeded);

	(void)rng_u64(&rng);
	return rng_u64(&rng);
}

/* How many of count ordered things survive: often none or all, else anything between. */
static size_t
draw_prefix(uint64_t random, size_t count)
{
	switch (random & 3) {
	case 0:
		return 0;
	case 1:
		return count;
	default:
		return (size_t)((random >> 2) % ((uint64_t)count + 1));
	}
}

static bool
same_name(const struct memory_node *dir, const char *name, const struct memory_node *other_dir,
    const char *other)
{
	return dir != NULL && dir == other_dir && strcmp(name, other) == 0;
}

/* Rule 4: may the later operation not survive without the earlier one? */
static bool
stands_on(const struct memory_name_op *later, const struct memory_name_op *earlier)
{
	return later->node == earlier->node ||
	       same_name(later->from_dir, later->from, earlier->from_dir, earlier->from) ||
	       same_name(later->from_dir, later->from, earlier->to_dir, earlier->to) ||
	       same_name(later->to_dir, later->to, earlier->from_dir, earlier->from) ||
	       same_name(later->to_dir, later->to, earlier->to_dir, earlier->to);
}

/* Which pending name operations survive; the caller frees. */
static bool *
choose_names(const struct os_fs_memory *m, const struct fate *fate)
{
	bool *stays = mem_calloc(m->name_count + 1, sizeof *stays);
	size_t first = m->name_count;

	if (fate->mode == OS_CRASH_NOTHING || fate->mode == OS_CRASH_DATA)
		first = 0;
	else if (fate->mode == OS_CRASH_TORN)
		first = draw_prefix(draw(fate->seed, 1, 0), m->name_count);
	for (size_t i = 0; i < first; i++)
		stays[i] = fate->mode != OS_CRASH_REORDERED || (draw(fate->seed, 1, i) & 1) != 0;
	for (size_t i = m->name_count; i-- > 0;)
		for (size_t j = i; stays[i] && j-- > 0;)
			stays[j] = stays[j] || stands_on(&m->names[i], &m->names[j]);
	return stays;
}

static void
settle_names(const struct os_fs_memory *m, struct fate *fate)
{
	bool *stays = choose_names(m, fate);

	for (const struct memory_node *node = m->nodes; node != NULL; node = node->next)
		for (size_t i = 0; i < node->names_durable.count; i++)
			os_fs_memory_names_set(&fate->names[node->id],
			    node->names_durable.list[i].name, node->names_durable.list[i].node);
	for (size_t i = 0; i < m->name_count; i++) {
		const struct memory_name_op *op = &m->names[i];

		if (stays[i] && op->from_dir != NULL)
			os_fs_memory_names_drop(&fate->names[op->from_dir->id], op->from, op->node);
		if (stays[i] && op->to_dir != NULL)
			os_fs_memory_names_set(&fate->names[op->to_dir->id], op->to, op->node);
	}
	mem_free(stays);
}

/* The parts of one write, below end, that reached the disk: those whose sector saw more changes than its index. */
static void
write_torn(struct memory_image *out, const struct memory_node *node, size_t index, uint64_t seed,
    uint64_t end)
{
	const struct memory_change *change = &node->changes[index];

	if (end > change->at + change->len)
		end = change->at + change->len;
	for (uint64_t at = change->at; at < end;) {
		uint64_t sector = at / OS_SECTOR_BYTES;
		uint64_t next =
		    (sector + 1) * OS_SECTOR_BYTES < end ? (sector + 1) * OS_SECTOR_BYTES : end;

		if (index < draw_prefix(draw(seed, node->id + 3, sector), node->change_count))
			os_fs_memory_image_write(out, at,
			    change->data != NULL ? change->data + (at - change->at) : NULL,
			    next - at);
		at = next;
	}
}

/*
 * size_count changes of length survive, and of each sector a number of its own. A cut that does not survive keeps its
 * blocks: what was written into its place later went to others, and is lost with it.
 */
static void
settle_torn(struct memory_image *out, const struct memory_node *node, uint64_t seed)
{
	size_t size_count = draw_prefix(draw(seed, 2, node->id), node->change_count);
	uint64_t size =
	    size_count > 0 ? node->changes[size_count - 1].size_after : node->durable.size;
	uint64_t kept_from = UINT64_MAX;

	os_fs_memory_image_write(out, 0, node->durable.data, node->durable.size);
	for (size_t i = 0; i < node->change_count; i++) {
		const struct memory_change *change = &node->changes[i];

		if (!change->truncate)
			write_torn(out, node, i, seed, kept_from);
		else if (i >= size_count)
			kept_from = change->size_after < kept_from ? change->size_after : kept_from;
		else if (change->size_after < out->size)
			os_fs_memory_image_resize(out, change->size_after);
	}
	os_fs_memory_image_resize(out, size);
}

static void
settle_file(struct memory_image *out, const struct memory_node *node, const struct fate *fate)
{
	bool newest = true;

	switch (fate->mode) {
	case OS_CRASH_TORN:
		settle_torn(out, node, fate->seed);
		return;
	case OS_CRASH_REORDERED:
		newest = (draw(fate->seed, 2, node->id) & 1) != 0;
		break;
	case OS_CRASH_NOTHING:
	case OS_CRASH_METADATA:
		newest = false;
		break;
	case OS_CRASH_EVERYTHING:
	case OS_CRASH_DATA:
	case OS_CRASH_MODES:
		break;
	}
	if (newest)
		os_fs_memory_image_write(out, 0, node->now.data, node->now.size);
	else
		os_fs_memory_image_write(out, 0, node->durable.data, node->durable.size);
}

/* The node with all beneath it, durable on the new disk. Directories are few levels deep. */
static struct memory_node *
copy_node(struct os_fs_memory *to, const struct memory_node *node, struct fate *fate)
{
	struct memory_node *copy = fate->copies[node->id];
	const struct memory_entries *names = &fate->names[node->id];

	if (copy == NULL) {
		copy = node->id == 0 ? to->root : os_fs_memory_node_new(to, node->kind);
		fate->copies[node->id] = copy;
		copy->modified_ms = node->modified_ms;
		if (node->kind == OS_KIND_FILE) {
			settle_file(&copy->now, node, fate);
			os_fs_memory_image_write(&copy->durable, 0, copy->now.data, copy->now.size);
		}
		for (size_t i = 0; i < names->count; i++) {
			struct memory_node *child = copy_node(to, names->list[i].node, fate);

			os_fs_memory_names_set(&copy->names_now, names->list[i].name, child);
			os_fs_memory_names_set(&copy->names_durable, names->list[i].name, child);
			child->links++;
		}
	}
	return copy;
}

struct os_fs_memory *
os_fs_memory_crash(struct os_fs_memory *m, enum os_crash mode, uint64_t seed)
{
	struct os_fs_memory *found = os_fs_memory_new();
	struct fate fate = {.mode = mode, .seed = seed};

	must(mode < OS_CRASH_MODES);
	must(pthread_mutex_lock(&m->lock) == 0);
	fate.copies = mem_calloc(m->node_count, sizeof(struct memory_node *));
	fate.names = mem_calloc(m->node_count, sizeof *fate.names);
	settle_names(m, &fate);
	(void)copy_node(found, m->root, &fate);
	for (size_t i = 0; i < m->node_count; i++) {
		for (size_t j = 0; j < fate.names[i].count; j++)
			mem_free(fate.names[i].list[j].name);
		mem_free(fate.names[i].list);
	}
	must(pthread_mutex_unlock(&m->lock) == 0);
	mem_free(fate.copies);
	mem_free(fate.names);
	found->now_ms = m->now_ms;
	return found;
}

const char *
os_crash_name(enum os_crash mode)
{
	static const char *const names[OS_CRASH_MODES] = {
	    [OS_CRASH_NOTHING] = "nothing",
	    [OS_CRASH_EVERYTHING] = "everything",
	    [OS_CRASH_DATA] = "data",
	    [OS_CRASH_METADATA] = "metadata",
	    [OS_CRASH_TORN] = "torn",
	    [OS_CRASH_REORDERED] = "reordered",
	};

	must(mode < OS_CRASH_MODES);
	return names[mode];
}
