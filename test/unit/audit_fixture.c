/* SPDX-License-Identifier: Apache-2.0 */
/* An audit log on a disk in memory. */
#include "audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypt_seal.h"

void
audit_fixture_begin(struct audit_fixture *f)
{
	struct secret *key;

	memset(f, 0, sizeof *f);
	f->time = (struct clock_fixed){AUDIT_FIXTURE_MS, 1000};
	f->seed.state = 7;
	f->rng = rng_seeded(&f->seed);
	key = secret_random(CRYPT_KEY_BYTES, &f->rng);
	f->keys = crypt_keys_new(key, &f->rng);
	secret_free(&key);
	f->disk = os_fs_memory_new();
}

bool
audit_fixture_open(struct audit_fixture *f, struct os_fs fs, struct err *err)
{
	struct audit_options o = {.fs = fs,
	    .dir = "/data/audit",
	    .keys = f->keys,
	    .clock = clock_fixed(&f->time),
	    .rng = f->rng,
	    .file_bytes = f->file_bytes};

	return audit_open(&o, &f->audit, &f->found, err);
}

void
audit_fixture_end(struct audit_fixture *f)
{
	audit_close(&f->audit);
	os_fs_memory_free(&f->disk);
	crypt_keys_free(&f->keys);
}

struct texts {
	char principal[32], operation[64], resource[32], parameters[64];
};

static void
record_make(struct audit_record *r, struct texts *t, unsigned n)
{
	memset(r, 0, sizeof *r);
	(void)snprintf(t->principal, sizeof t->principal, "principal-%u", n % 3);
	(void)snprintf(t->operation, sizeof t->operation, "MailManagerSvc.Operation%u", n);
	(void)snprintf(t->resource, sizeof t->resource, "a-%u", n);
	(void)snprintf(t->parameters, sizeof t->parameters, "{\"Number\":%u}", n);
	r->at_ms = AUDIT_FIXTURE_MS + n;
	r->count = 1;
	r->uid = n;
	r->status = 200 + n % 2;
	r->principal = bytes_of_str(t->principal);
	r->from = BYTES_LIT("127.0.0.1");
	r->operation = bytes_of_str(t->operation);
	r->result = BYTES_LIT("ok");
	r->request_id = BYTES_LIT("12345678-1234-4123-8123-123456789abc");
	r->parameters = bytes_of_str(t->parameters);
	r->resource_count = 1;
	r->resources[0] = bytes_of_str(t->resource);
}

bool
audit_fixture_append(struct audit_fixture *f, unsigned n, bool durable, struct err *err)
{
	struct audit_record r;
	struct texts t;

	record_make(&r, &t, n);
	return audit_append(f->audit, &r, durable, err);
}

bool
audit_fixture_is(const struct audit_record *r, unsigned n)
{
	struct audit_record want;
	struct texts t;

	record_make(&want, &t, n);
	return r->at_ms == want.at_ms && r->count == 1 && r->uid == n && r->status == want.status &&
	       bytes_equal(r->principal, want.principal) &&
	       bytes_equal(r->operation, want.operation) && bytes_equal(r->from, want.from) &&
	       bytes_equal(r->result, want.result) && bytes_equal(r->request_id, want.request_id) &&
	       bytes_equal(r->parameters, want.parameters) && r->resource_count == 1 &&
	       bytes_equal(r->resources[0], want.resources[0]);
}
