/* SPDX-License-Identifier: Apache-2.0 */
/* What failure looks like: a filled struct err for the world, must() for our own bugs. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Codes speak about us, never about a library behind us. */
enum err_code {
	ERR_NONE,
	ERR_USAGE,       /* the caller's words are wrong                      */
	ERR_SYNTAX,      /* bytes from outside do not parse                   */
	ERR_LIMIT,       /* a named limit was reached                         */
	ERR_NOT_FOUND,   /* the thing named does not exist                    */
	ERR_EXISTS,      /* the name or id is taken                           */
	ERR_DENIED,      /* not permitted                                     */
	ERR_BUSY,        /* in use, or its state does not allow it now        */
	ERR_TIMEOUT,     /* waited long enough                                */
	ERR_IO,          /* the machine failed us: disk, socket, process      */
	ERR_NO_SPACE,    /* disk full or quota reached                        */
	ERR_CORRUPT,     /* bytes at rest are not what was written            */
	ERR_SEALED,      /* the key is missing, wrong or away                 */
	ERR_UNSUPPORTED, /* valid, and not done here                          */
	ERR_CANCELLED,   /* somebody asked us to stop                         */
	ERR_REFUSED      /* a hold, a period or a missing approval forbids it */
};

struct err {
	enum err_code code;
	int sys_errno;     /* 0 unless the kernel said why */
	const char *where; /* function that first noticed  */
	char msg[192];     /* one sentence, no newline     */
};

/*
 * err_set / err_set_sys: fill err (the second appends strerror of the current errno; ENOSPC and EDQUOT turn ERR_IO
 * into ERR_NO_SPACE). Both return false, so that `return err_set(…)` is the whole failure path.
 */
bool err_set(struct err *err, enum err_code code, const char *where, const char *format, ...)
    PRINTF_LIKE(4, 5);
bool err_set_sys(struct err *err, enum err_code code, const char *where, const char *format, ...)
    PRINTF_LIKE(4, 5);

#define ERR(err, code, ...)     err_set((err), (code), __func__, __VA_ARGS__)
#define ERR_SYS(err, code, ...) err_set_sys((err), (code), __func__, __VA_ARGS__)

/* err_prefix: put words (which file, which id) before the message; truncates at the end. Returns false. */
bool err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* err_code_name: "not-found" and the like, for logs. */
const char *err_code_name(enum err_code code);

/* must: our own bug if false; prints expression and place, then aborts. On in release builds too. */
#define must(expr) ((expr) ? (void)0 : must_fail(#expr, __FILE__, __LINE__, __func__))
_Noreturn void must_fail(const char *expr, const char *file, int line, const char *function);

#endif
