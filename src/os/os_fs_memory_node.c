/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the disk in memory: the image seen, the image on stable storage, and the changes between. */
#include <string.h>

#include "base_mem.h"
#include "os_fs_memory_int.h"

struct memory_node *
os_fs_memory_node_new(struct os_fs_memory *m, enum os_file_kind kind)
{
	struct memory_node *node = mem_calloc(1, sizeof *node);

	node->kind = kind;
	node->id = m->node_count++;
	node->modified_ms = m->now_ms;
	node->next = m->nodes;
	m->nodes = node;
	return node;
}

static void
entries_free(struct memory_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		mem_free(entries->list[i].name);
	mem_free(entries->list);
}

static void
changes_free(struct memory_node *node)
{
	for (size_t i = 0; i < node->change_count; i++)
		mem_free(node->changes[i].data);
	mem_free(node->changes);
	node->changes = NULL;
	node->change_count = 0;
}

void
os_fs_memory_node_free(struct memory_node *node)
{
	changes_free(node);
	entries_free(&node->names_now);
	entries_free(&node->names_durable);
	mem_free(node->now.data);
	mem_free(node->durable.data);
	mem_free(node);
}

void
os_fs_memory_image_resize(struct memory_image *image, uint64_t size)
{
	if (size > image->room) {
		uint64_t room = image->room + image->room / 2;

		if (room < size)
			room = size;
		image->data = mem_realloc(image->data, (size_t)room);
		memset(image->data + image->room, 0, (size_t)(room - image->room));
		image->room = room;
	}
	if (size < image->size)
		memset(image->data + size, 0, (size_t)(image->size - size));
	image->size = size;
}

void
os_fs_memory_image_write(struct memory_image *image, uint64_t at, const uint8_t *data, uint64_t len)
{
	if (len == 0)
		return;
	if (at + len > image->size)
		os_fs_memory_image_resize(image, at + len);
	if (data != NULL)
		memcpy(image->data + at, data, (size_t)len);
	else
		memset(image->data + at, 0, (size_t)len);
}

static struct memory_change *
change_add(struct memory_node *node, uint64_t stamp)
{
	node->changes =
	    mem_realloc_array(node->changes, node->change_count + 1, sizeof *node->changes);
	node->changes[node->change_count] = (struct memory_change){.stamp = stamp};
	return &node->changes[node->change_count++];
}

void
os_fs_memory_node_write(
    struct memory_node *node, uint64_t at, const uint8_t *data, uint64_t len, uint64_t stamp)
{
	struct memory_change *change;

	if (len == 0)
		return;
	change = change_add(node, stamp);
	os_fs_memory_image_write(&node->now, at, data, len);
	change->at = at;
	change->len = len;
	change->size_after = node->now.size;
	if (data != NULL) {
		change->data = mem_alloc((size_t)len);
		memcpy(change->data, data, (size_t)len);
	}
}

void
os_fs_memory_node_truncate(struct memory_node *node, uint64_t size, uint64_t stamp)
{
	struct memory_change *change = change_add(node, stamp);

	os_fs_memory_image_resize(&node->now, size);
	change->truncate = true;
	change->size_after = size;
}

void
os_fs_memory_node_sync(struct memory_node *node, uint64_t until)
{
	size_t synced = 0;

	for (; synced < node->change_count && node->changes[synced].stamp <= until; synced++) {
		const struct memory_change *change = &node->changes[synced];

		if (change->truncate)
			os_fs_memory_image_resize(&node->durable, change->size_after);
		else
			os_fs_memory_image_write(
			    &node->durable, change->at, change->data, change->len);
	}
	if (synced == node->change_count) {
		must(node->durable.size == node->now.size);
		changes_free(node);
		return;
	}
	for (size_t i = 0; i < synced; i++)
		mem_free(node->changes[i].data);
	node->change_count -= synced;
	memmove(node->changes, node->changes + synced, node->change_count * sizeof *node->changes);
}
