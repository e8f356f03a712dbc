/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bootstrap configuration: the few things that must be known before the API can be asked. A small
 * INI file (daybook.conf(5)), overridden by the command line; every role gets the effective values
 * from the supervisor.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "keys_service.h"

#define APP_CONFIG_BYTES_MAX  ((size_t)256 * 1024)
#define APP_LISTENS_MAX       16 /* addresses of one list */
#define APP_BUCKETS_MAX       64
#define APP_SERVICES_MAX      16
#define APP_SERVICE_NAME_MAX  32u
#define APP_SERVICE_WORDS_MAX 64 /* ARNs, or paths, of one key service */

enum app_key {
	APP_DATA,        /* absolute directory */
	APP_HOSTNAME,    /* in greetings and certificates */
	APP_USER,        /* core runs as this user */
	APP_LOG,         /* error warn info debug */
	APP_SMTP_LISTEN, /* addresses, separated by spaces */
	APP_SMTP_MESSAGE_MIB,
	APP_SMTP_SESSIONS,
	APP_SMTP_SESSIONS_PER_IP,
	APP_HTTP_LISTEN,
	APP_KEYS_FILE,    /* absolute; outside data */
	APP_KEYS_BEFORE,  /* the file that the one above takes the place of; "" = none */
	APP_KEYS_CACHE_S, /* how long a key from a key service is used without asking again */
	APP_TLS_CERTIFICATE,
	APP_TLS_KEY,
	APP_ARCHIVE_SEAL_MINUTES,
	APP_ARCHIVE_SCRUB_DAYS,
	APP_ARCHIVE_LOG_MIB,
	APP_ARCHIVE_RESERVE_MIB,
	APP_API_ACCOUNT,
	APP_API_REGION,
	APP_API_AWS_LIMITS, /* yes no */
	APP_EXPORT_DIRECTORY,
	APP_RETENTION_APPROVAL, /* automatic manual */
	APP_RETENTION_STRICT,   /* yes no */
	APP_ERASURE_APPROVAL,   /* same other */
	APP_KEY_COUNT
};

struct app_bucket {
	const char *name, *dir;
};

/* A key service, section [keys.NAME]; the file of section [keys] is none of these. */
enum app_service_field {
	APP_SERVICE_TYPE,
	APP_SERVICE_KEY,
	APP_SERVICE_ARNS,
	APP_SERVICE_TIMEOUT,
	APP_SERVICE_PATHS,
	APP_SERVICE_MODULE,
	APP_SERVICE_TOKEN,
	APP_SERVICE_PIN_FILE,
	APP_SERVICE_MECHANISM,
	APP_SERVICE_ENDPOINT,
	APP_SERVICE_CA_FILE,
	APP_SERVICE_REGION,
	APP_SERVICE_CREDENTIALS,
	APP_SERVICE_MOUNT,
	APP_SERVICE_TOKEN_FILE,
	APP_SERVICE_PROGRAM,
	APP_SERVICE_NETWORK,
	APP_SERVICE_FIELDS
};
struct app_key_service {
	const char *name, *text[APP_SERVICE_FIELDS]; /* never NULL once finished */
};

/* A witness, section [witness.NAME]. */
#define APP_WITNESSES_MAX 16
enum app_witness_field {
	APP_WITNESS_TYPE, /* cosign file post mail */
	APP_WITNESS_URL,
	APP_WITNESS_KEY,
	APP_WITNESS_CA_FILE,
	APP_WITNESS_FILE,
	APP_WITNESS_TO,
	APP_WITNESS_FROM,
	APP_WITNESS_SMARTHOST,
	APP_WITNESS_INTERVAL,
	APP_WITNESS_TIMEOUT,
	APP_WITNESS_FIELDS
};
struct app_witness {
	const char *name, *text[APP_WITNESS_FIELDS]; /* never NULL once finished */
};

struct app_config {
	struct arena arena;              /* owns every text */
	const char *text[APP_KEY_COUNT]; /* never NULL once app_config_finish succeeded, but may be
					  * "" where that has a meaning: user, tls */
	struct app_bucket buckets[APP_BUCKETS_MAX]; /* section [bucket] */
	size_t bucket_count;
	struct app_witness witnesses[APP_WITNESSES_MAX];
	size_t witness_count;
	struct app_key_service services[APP_SERVICES_MAX];
	size_t service_count;
};

void app_config_init(struct app_config *c);
void app_config_fini(struct app_config *c);

/* app_config_set: one value, as if from a file; key as "section.key". ERR_USAGE with a suggestion,
 * ERR_SYNTAX. */
MUST_USE bool app_config_set(
    struct app_config *c, const char *key, const char *value, struct err *err);

/*
 * app_config_parse: the text of a file. Values set before stay.
 *
 * in      name     what problems are reported under: "NAME:LINE: problem"
 *         problem  called for each thing that is wrong, all of them
 * out     true: nothing was wrong
 */
typedef void (*app_problem_fn)(void *ctx, const char *what);
bool app_config_parse(
    struct app_config *c, const char *name, struct bytes text, app_problem_fn problem, void *ctx);
/* app_config_load: the same from a file. */
bool app_config_load(struct app_config *c, const char *path, app_problem_fn problem, void *ctx);

/* app_config_finish: defaults for what is not set, and what must hold between values. ERR_USAGE
 * names the key. */
MUST_USE bool app_config_finish(struct app_config *c, struct err *err);

/* Typed readings; the values were checked when they were set. */
long app_config_number(const struct app_config *c, enum app_key key);
bool app_config_yes(const struct app_config *c, enum app_key key);
/* app_config_words: splits a list at spaces; texts live in arena. */
size_t app_config_words(const struct app_config *c, enum app_key key, struct arena *arena,
    const char *out[APP_LISTENS_MAX]);

/* app_config_courier: something is carried out of the house. */
bool app_config_courier(const struct app_config *c);
/* app_config_service_of: the key service that a KmsKeyArn means, or NULL. */
const struct app_key_service *app_config_service_of(const struct app_config *c, const char *arn);
enum keys_kind app_config_service_kind(const struct app_key_service *s);
/* app_config_service_words: a list of a service, as app_config_words. */
size_t app_config_service_words(const struct app_key_service *s, enum app_service_field f,
    struct arena *arena, const char **out, size_t max);

/* app_config_print: the effective values as a file that app_config_parse takes. */
void app_config_print(const struct app_config *c, struct buf *out);
/* app_config_encode / app_config_decode: the same as JSON, from the supervisor to its roles. */
void app_config_encode(const struct app_config *c, struct buf *out);
MUST_USE bool app_config_decode(struct app_config *c, struct bytes text, struct err *err);

#endif
