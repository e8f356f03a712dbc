/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaybook-verify: read and check what Daybook wrote (exports, proofs, packs) without a server and without its word.
 *
 * Everything given to these functions may come from a stranger. They keep no state but in the handles, write no file
 * and open no connection. Different handles may be used by different threads at a time.
 * Formats: docs/formats/export.md, proof.md, pack.md. Link: pkg-config --cflags --libs daybook-verify.
 */
#ifndef DAYBOOK_VERIFY_H
#define DAYBOOK_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DAYBOOK_VERIFY_ABI                                                                         \
	1 /* daybook_verify_abi() of the library that is loaded must say the same */
int daybook_verify_abi(void);

enum daybook_code {
	DAYBOOK_OK = 0,
	DAYBOOK_WRONG =
	    8, /* something is not what it should be: damaged, changed, missing, not in the log */
	DAYBOOK_USAGE = 2, /* a key or name that cannot be one */
	DAYBOOK_NOT_FOUND = 3,
	DAYBOOK_SEALED = 4,      /* another key, or another archive's */
	DAYBOOK_UNSUPPORTED = 5, /* written by a later version */
	DAYBOOK_TROUBLE = 1      /* reading failed, or a limit of this library was met */
};

/* Filled in when a function does not return DAYBOOK_OK: one sentence, and the file it is about. */
struct daybook_error {
	char text[512];
};

/* Called once for each thing that is wrong, with a sentence that names it; the call goes on. */
typedef void (*daybook_problem_fn)(void *ctx, const char *what);
/* Not 0: stop. Asked often; may be NULL. The function then returns DAYBOOK_TROUBLE. */
typedef int (*daybook_stop_fn)(void *ctx);

/*
 * daybook_verify_message: is this message, byte for byte, in the log that the proof speaks of?
 *
 * in      proof    the content of a .proof file (C2SP tlog-proof with Daybook's opening)
 *         log_key  the log's verifier key "name+id+base64"; take it from where the
 *                  proof did not come from: who can choose both proves nothing
 * out     out      may be NULL
 * returns DAYBOOK_WRONG another message, another log, a wrong signature, not in the log; DAYBOOK_USAGE log_key
 */
struct daybook_proved {
	char log[256];        /* name of the log */
	char id[27];          /* of the record */
	int64_t received_ms;  /* UTC */
	uint64_t index, size; /* of the record in the log, and of the log, in records */
};
enum daybook_code daybook_verify_message(const void *message, size_t message_len, const void *proof,
    size_t proof_len, const char *log_key, struct daybook_proved *out, struct daybook_error *error);

/*
 * daybook_verify_export: an export directory: manifest, presence, size and digest of every file it names, and, where
 * there are any, the proof of every message.
 *
 * in      log_key  NULL: proofs are not looked at, and out->proved stays 0
 * returns DAYBOOK_WRONG at least one problem was told; DAYBOOK_NOT_FOUND no manifest.json: the export is not finished
 */
struct daybook_export_counts {
	uint64_t messages, bytes; /* right in every respect */
	uint64_t proved;          /* of them, with a proof that holds */
	uint64_t unread; /* named by the manifest as not readable when the export was made */
	uint64_t problems;
};
enum daybook_code daybook_verify_export(const char *dir, const char *log_key,
    daybook_problem_fn problem, daybook_stop_fn stop, void *ctx, struct daybook_export_counts *out,
    struct daybook_error *error);

/*
 * daybook_verify_cosignature: did a witness sign this checkpoint (C2SP tlog-cosignature)? Then the log cannot be put
 * back behind it, or shown otherwise to somebody else, without that witness.
 *
 * in      text         the content of a .proof file, or of a checkpoint; that the log signed it, and that a message is
 *                      in it, is for daybook_verify_message to say
 *         witness_key  "name+id+base64", type 4
 * out     signed_s     when, by the witness's clock; seconds since 1970; may be NULL
 * returns DAYBOOK_WRONG not signed by it, or wrongly; DAYBOOK_USAGE witness_key
 */
enum daybook_code daybook_verify_cosignature(const void *text, size_t text_len,
    const char *witness_key, int64_t *signed_s, struct daybook_error *error);

/* daybook_verify_export_cosigned: daybook_verify_export, and every proof's checkpoint is signed by each of these
 * witnesses (NULL behind the last, at most 16); log_key is needed. */
enum daybook_code daybook_verify_export_cosigned(const char *dir, const char *log_key,
    const char *const *witness_keys, daybook_problem_fn problem, daybook_stop_fn stop, void *ctx,
    struct daybook_export_counts *out, struct daybook_error *error);

/*
 * One pack, opened with its archive's key (32 bytes, copied into guarded memory).
 * daybook_pack_open returns DAYBOOK_SEALED, DAYBOOK_UNSUPPORTED, DAYBOOK_WRONG (damaged, named), DAYBOOK_NOT_FOUND.
 */
struct daybook_pack;
enum daybook_code daybook_pack_open(const char *path, const char *archive_id,
    const unsigned char key[32], struct daybook_pack **out, struct daybook_error *error);
void daybook_pack_close(struct daybook_pack **pack);
uint64_t daybook_pack_count(const struct daybook_pack *pack);

struct daybook_pack_message {
	char id[27];
	int64_t received_ms;
	uint64_t size_bytes;
	unsigned char sha256[32];
};
/* daybook_pack_describe: position below the count, in order of time. */
enum daybook_code daybook_pack_describe(struct daybook_pack *pack, uint64_t position,
    struct daybook_pack_message *out, struct daybook_error *error);
/* daybook_pack_read: the message; its SHA-256 was checked. *message is freed with daybook_free. */
enum daybook_code daybook_pack_read(struct daybook_pack *pack, uint64_t position, void **message,
    size_t *len, struct daybook_error *error);
void daybook_free(void *message);
/* daybook_pack_verify: every seal, every message rebuilt and hashed. checked may be NULL. */
enum daybook_code daybook_pack_verify(struct daybook_pack *pack, daybook_problem_fn problem,
    void *ctx, uint64_t *checked, struct daybook_error *error);

#ifdef __cplusplus
}
#endif
#endif
