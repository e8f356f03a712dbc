/* SPDX-License-Identifier: Apache-2.0 */
/* The server in the foreground. */
#ifndef APP_SUPERVISOR_H
#define APP_SUPERVISOR_H

#include "app_config.h"

/* app_supervisor_run: until a signal ends it; returns the exit code. Prints "ready" on standard
 * output when it serves. */
int app_supervisor_run(const struct app_config *config);

#endif
