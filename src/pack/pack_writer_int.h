/* SPDX-License-Identifier: Apache-2.0 */
/* A pack being written, for the files that write it. */
#ifndef PACK_WRITER_INT_H
#define PACK_WRITER_INT_H

#include "base_arena.h"
#include "crypt_digest.h"
#include "pack.h"
#include "pack_format_int.h"
#include "pack_group_int.h"
#include "pack_recipe_int.h"

/* Skeletons wait until there are so many bytes of them; then a dictionary is made, and the first blocks. Measured
 * (bench/pack_bench.c). */
#define PACK_TRAIN_BYTES (2 * LIMIT_MIB)

struct pack_entry {
	struct id_record id;
	struct bytes row; /* encoded; in the writer's arena */
	struct pack_place place;
	uint64_t leaf_index;
};

/* Which parts there are: an open table of their numbers, by digest. */
struct pack_part_table {
	uint32_t *slots; /* number + 1; 0: free */
	size_t slot_count;
	uint8_t (*digests)[CRYPT_SHA256_BYTES]; /* by number */
	size_t digest_cap;
};

/* Skeletons that wait for the dictionary. */
struct pack_training {
	bool over;
	struct buf plain;
	size_t *block_lens, *sample_lens; /* a sample is one skeleton */
	size_t block_count, block_cap, sample_count, sample_cap;
};

struct pack_writer {
	struct os_fs fs;
	const struct secret *key;
	char *archive_id, *dir, *path, *temporary;
	char name[ID_RECORD_TEXT_SIZE];
	struct os_file *file;
	struct pack_codec *codec;
	struct crypt_sha256_stream *content;
	struct buf out;      /* sealed, not yet written */
	struct buf skeleton; /* the open block of skeletons */
	struct buf parts;    /* the open block of parts */
	struct buf plain;    /* scratch */
	struct arena arena;  /* path names, encoded rows */
	struct pack_splitter splitter;
	struct pack_recipe *recipes; /* of the message at hand */
	struct pack_training training;
	struct pack_part_table table;
	struct pack_entry *entries;
	struct pack_tombstone *tombstones;
	size_t entry_cap, group_cap, block_cap, tombstone_block_cap, part_cap, tombstone_cap;
	uint32_t tombstone_count;
	uint32_t skeleton_number; /* of the open block */
	struct pack_directory directory;
	uint64_t at, message_bytes, row_bytes; /* at: file bytes so far, out included */
	uint64_t shared_parts, raw_messages;
	uint64_t first_leaf;
	int64_t created_ms;
	int32_t month; /* of everything in it; INT32_MIN: nothing yet */
	bool failed;
};

/* pack_writer_put: one sealed block to the end of the file. pack_writer_put_body: and into the list of body blocks. */
MUST_USE bool pack_writer_put(struct pack_writer *w, enum pack_block_kind kind, uint64_t number,
    struct bytes plain, struct pack_extent *extent, struct err *err);
MUST_USE bool pack_writer_put_body(
    struct pack_writer *w, enum pack_block_kind kind, struct bytes plain, struct err *err);
/* pack_array_grow: room for one more of an array that grows by doubling. */
void *pack_array_grow(void *array, size_t count, size_t *cap, size_t size);

/* pack_write_body.c. message: skeleton and parts of one message; flush: what is left in open blocks. */
void pack_write_body_init(struct pack_writer *w);
void pack_write_body_fini(struct pack_writer *w);
MUST_USE bool pack_write_body_message(struct pack_writer *w, struct bytes added, struct bytes body,
    struct pack_place *place, struct err *err);
MUST_USE bool pack_write_body_flush(struct pack_writer *w, struct err *err);

/* pack_part_table_find: the number of a part, or UINT32_MAX. _add: the next number; count is how many there are. */
uint32_t pack_part_table_find(
    const struct pack_part_table *t, const uint8_t digest[CRYPT_SHA256_BYTES]);
void pack_part_table_add(
    struct pack_part_table *t, uint32_t count, const uint8_t digest[CRYPT_SHA256_BYTES]);

/* pack_dictionary_train: appends a dictionary made of the samples, if it is worth its room; else nothing. */
void pack_dictionary_train(
    struct bytes samples, const size_t *sample_lens, size_t sample_count, struct buf *out);

#endif
