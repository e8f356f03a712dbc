/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP tlog-witness: we are the log. */
#include <stdio.h>
#include <string.h>

#include "archive_proof.h"
#include "proof_checkpoint.h"
#include "proof_witness.h"
#include "witness_int.h"

#define TRIES          4
#define URL_SIZE       1200
#define REQUEST_MAX    (PROOF_NOTE_BYTES_MAX + 8192u)
#define PATH_BYTES_MAX (PROOF_PATH_MAX * PROOF_HASH_BYTES)

void
witness_outcome_init(struct witness_outcome *out)
{
	*out = (struct witness_outcome){0};
	buf_init(&out->note, PROOF_NOTE_BYTES_MAX);
	buf_init(&out->line, PROOF_NOTE_BYTES_MAX);
}

void
witness_outcome_fini(struct witness_outcome *out)
{
	buf_fini(&out->note);
	buf_fini(&out->line);
}

static bool
refused(struct witness_outcome *out, struct err *err)
{
	out->refused = true;
	err->code = ERR_REFUSED;
	return false;
}

/* What a status says that is neither consent nor a size. */
static bool
status_fault(long status, struct witness_outcome *out, struct err *err)
{
	switch (status) {
	case 403:
		return ERR(err, ERR_DENIED,
		    "the witness does not take this log's signature: does it know the log's key?");
	case 404:
		return ERR(err, ERR_NOT_FOUND, "the witness does not know this log");
	case 422:
		(void)ERR(err, ERR_REFUSED,
		    "the witness saw another log: what it saw is not the beginning of this one");
		return refused(out, err);
	default:
		return ERR(err, status >= 500 ? ERR_TIMEOUT : ERR_DENIED, "the witness answers %ld",
		    status);
	}
}

/* The checkpoint and the way from old to it; size_out is the checkpoint's. */
static bool
request_make(const struct witness_options *o, const char *archive_id, uint64_t old,
    struct buf *request, struct buf *note, uint64_t *size_out, struct err *err)
{
	struct proof_checkpoint checkpoint;
	struct proof_note parts;
	struct proof_path path = {.count = 0};
	struct buf hashes;
	bool ok;

	buf_init(&hashes, PATH_BYTES_MAX);
	buf_reset(note);
	buf_reset(request);
	ok = archive_proof_consistency(o->archive, archive_id, old, &hashes, note, err) &&
	     buf_ok(&hashes, err) && proof_note_parse(buf_view(note), &parts, err) &&
	     proof_checkpoint_parse(parts.text, &checkpoint, err);
	if (ok) {
		path.count = hashes.len / PROOF_HASH_BYTES;
		if (hashes.len > 0)
			memcpy(path.hashes[0].raw, hashes.ptr, hashes.len);
		proof_witness_request(old, &path, buf_view(note), request);
		*size_out = checkpoint.size;
		ok = buf_ok(request, err);
	}
	buf_fini(&hashes);
	return ok;
}

/* The checkpoint with the log's line and this witness's, whoever else signed it. */
static bool
outcome_fill(const struct witness_config *w, struct bytes note, struct bytes reply, uint64_t size,
    struct witness_outcome *out, struct err *err)
{
	struct proof_note parts;

	if (!proof_witness_cosignature(note, reply, &w->key, &out->line, &out->signed_s, err) ||
	    !proof_note_parse(note, &parts, err))
		return false;
	buf_append(&out->note, parts.text);
	buf_append_byte(&out->note, '\n');
	buf_append(&out->note,
	    bytes_slice(parts.signatures, 0, bytes_find_byte(parts.signatures, 0, '\n') + 1));
	buf_append(&out->note, buf_view(&out->line));
	out->leaves = size;
	return buf_ok(&out->note, err);
}

/* 409: from where to try again. */
static bool
conflict(struct bytes reply, uint64_t old, uint64_t size, uint64_t *next,
    struct witness_outcome *out, struct err *err)
{
	if (!proof_witness_size_parse(reply, next, err))
		return false;
	out->leaves = *next;
	if (*next > size) {
		(void)ERR(err, ERR_REFUSED,
		    "the witness saw %llu leaves, this log has %llu: it was put back to an older "
		    "state, or another log has its key",
		    (unsigned long long)*next, (unsigned long long)size);
		return refused(out, err);
	}
	if (*next == old && old == size) {
		(void)ERR(err, ERR_REFUSED, "the witness saw another log of %llu leaves",
		    (unsigned long long)size);
		return refused(out, err);
	}
	return *next != old || ERR(err, ERR_SYNTAX, "the witness contradicts itself");
}

bool
witness_cosign(const struct witness_options *o, const struct witness_config *w,
    const char *archive_id, uint64_t saw, struct witness_outcome *out, struct err *err)
{
	struct buf request, note, reply;
	char url[URL_SIZE];
	uint64_t old = saw, size = 0;
	bool ok = false, again = true;

	(void)snprintf(url, sizeof url, "%s/add-checkpoint", w->url);
	buf_init(&request, REQUEST_MAX);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&reply, PROOF_WITNESS_REPLY_MAX);
	for (int i = 0; again && i < TRIES; i++) {
		struct witness_parcel parcel = {
		    .url = url, .ca_file = w->ca_file, .call_ms = w->call_ms};
		long status = 0;

		buf_reset(&reply);
		again = false;
		ok = request_make(o, archive_id, old, &request, &note, &size, err);
		parcel.body = buf_view(&request);
		ok = ok && o->carry(o->carry_ctx, &parcel, &reply, &status, err);
		if (!ok)
			break;
		if (status == 200) {
			ok = outcome_fill(w, buf_view(&note), buf_view(&reply), size, out, err);
		} else if (status == 409) {
			again = conflict(buf_view(&reply), old, size, &old, out, err);
			ok = again && ERR(err, ERR_BUSY, "the witness keeps changing its mind");
		} else {
			ok = status_fault(status, out, err);
		}
	}
	buf_fini(&request);
	buf_fini(&note);
	buf_fini(&reply);
	return ok;
}
