/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of the disk in memory: entries seen, entries on stable storage, and the operations between. */
#include <string.h>

#include "base_mem.h"
#include "os_fs_memory_int.h"

static size_t
index_of(const struct memory_entries *entries, const char *name)
{
	size_t i = 0;

	while (i < entries->count && strcmp(entries->list[i].name, name) != 0)
		i++;
	return i;
}

struct memory_node *
os_fs_memory_names_find(const struct memory_entries *entries, const char *name)
{
	size_t i = index_of(entries, name);

	return i < entries->count ? entries->list[i].node : NULL;
}

void
os_fs_memory_names_set(struct memory_entries *entries, const char *name, struct memory_node *node)
{
	size_t i = index_of(entries, name);

	if (i == entries->count) {
		entries->list =
		    mem_realloc_array(entries->list, entries->count + 1, sizeof *entries->list);
		entries->list[i].name = mem_strdup(name);
		entries->count++;
	}
	entries->list[i].node = node;
}

void
os_fs_memory_names_drop(
    struct memory_entries *entries, const char *name, const struct memory_node *node)
{
	size_t i = index_of(entries, name);

	if (i == entries->count || entries->list[i].node != node)
		return;
	mem_free(entries->list[i].name);
	entries->list[i] = entries->list[--entries->count];
}

static char *
copy_of(const char *name)
{
	return name != NULL ? mem_strdup(name) : NULL;
}

void
os_fs_memory_names_change(struct os_fs_memory *m, struct memory_node *node,
    struct memory_node *from_dir, const char *from, struct memory_node *to_dir, const char *to)
{
	struct memory_node *replaced =
	    to_dir != NULL ? os_fs_memory_names_find(&to_dir->names_now, to) : NULL;
	struct memory_name_op *op;

	m->names = mem_realloc_array(m->names, m->name_count + 1, sizeof *m->names);
	op = &m->names[m->name_count++];
	*op = (struct memory_name_op){.stamp = m->operations,
	    .node = node,
	    .from_dir = from_dir,
	    .to_dir = to_dir,
	    .from = copy_of(from),
	    .to = copy_of(to)};
	if (replaced != NULL)
		replaced->links--;
	if (from_dir != NULL) {
		os_fs_memory_names_drop(&from_dir->names_now, from, node);
		from_dir->modified_ms = m->now_ms;
		node->links--;
	}
	if (to_dir != NULL) {
		os_fs_memory_names_set(&to_dir->names_now, to, node);
		to_dir->modified_ms = m->now_ms;
		node->links++;
	}
}

static void
make_durable(struct memory_name_op *op)
{
	if (op->from_dir != NULL)
		os_fs_memory_names_drop(&op->from_dir->names_durable, op->from, op->node);
	if (op->to_dir != NULL)
		os_fs_memory_names_set(&op->to_dir->names_durable, op->to, op->node);
	mem_free(op->from);
	mem_free(op->to);
}

/* Backwards from the newest: an operation that goes drags along the earlier ones on its other directory. */
void
os_fs_memory_names_sync(struct os_fs_memory *m, const struct memory_node *dir, uint64_t until)
{
	bool *goes = mem_calloc(m->name_count + 1, sizeof *goes);
	bool *drags = mem_calloc(m->node_count, sizeof *drags); /* by node id */
	size_t kept = 0;

	drags[dir->id] = true;
	for (size_t i = m->name_count; i-- > 0;) {
		const struct memory_name_op *op = &m->names[i];

		if (op->stamp > until)
			continue;
		goes[i] = (op->from_dir != NULL && drags[op->from_dir->id]) ||
			  (op->to_dir != NULL && drags[op->to_dir->id]);
		if (goes[i] && op->from_dir != NULL)
			drags[op->from_dir->id] = true;
		if (goes[i] && op->to_dir != NULL)
			drags[op->to_dir->id] = true;
	}
	for (size_t i = 0; i < m->name_count; i++) {
		if (goes[i])
			make_durable(&m->names[i]);
		else
			m->names[kept++] = m->names[i];
	}
	m->name_count = kept;
	mem_free(goes);
	mem_free(drags);
}
