/* SPDX-License-Identifier: Apache-2.0 */
/* The two walls of a sandbox; each fills note_out with a few words for the start-up line. */
#ifndef OS_SANDBOX_INT_H
#define OS_SANDBOX_INT_H

#include "os_process.h"

#define OS_SANDBOX_NOTE_SIZE 64

/* Both: true when on, or when this kernel lacks the facility (the note says why). */
MUST_USE bool os_landlock_enter(
    const struct os_sandbox *s, char note_out[OS_SANDBOX_NOTE_SIZE], struct err *err);
MUST_USE bool os_seccomp_enter(
    const struct os_sandbox *s, char note_out[OS_SANDBOX_NOTE_SIZE], struct err *err);

#endif
