/* SPDX-License-Identifier: Apache-2.0 */
/* Another program, asked one question: bytes on its standard input, its standard output back, within a time. */
#ifndef OS_COMMAND_H
#define OS_COMMAND_H

#include <stdbool.h>

#include "base_bytes.h"

/*
 * os_command_run: start a program without arguments and without a shell, give it input, take what it writes.
 *
 * in      program  absolute path; its environment is PATH alone, its directory ours, its error output ours, and no
 *                  other descriptor is open in it; it leads a process group of its own
 *         input    lent; may be left unread by the program
 *         wait_ms  at most so long altogether; then its whole group is killed
 * out     out      its standard output, appended
 * after   the program has ended and was reaped, on every path; descendants that left its group are not looked for
 * fails   ERR_NOT_FOUND, ERR_DENIED  it cannot be started    ERR_TIMEOUT  it did not end in time
 *         ERR_IO     it ended with another status than 0     ERR_LIMIT    out is full
 */
MUST_USE bool os_command_run(
    const char *program, struct bytes input, unsigned wait_ms, struct buf *out, struct err *err);

#endif
