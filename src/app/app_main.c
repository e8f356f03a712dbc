/* SPDX-License-Identifier: Apache-2.0 */
/* One binary: the command line, the server, and the server's roles. */
#include <stdio.h>
#include <string.h>

#include "app_command_int.h"
#include "app_role.h"
#include "base_mem.h"
#include "cli_main.h"

static int
run_role(const char *name)
{
	if (strcmp(name, "core") == 0)
		return app_core_main();
	if (strcmp(name, "smtp") == 0)
		return app_smtp_main();
	if (strcmp(name, "http") == 0)
		return app_http_main();
	if (strcmp(name, "courier") == 0)
		return app_courier_main();
	(void)fprintf(stderr, "daybook: there is no role %s\n", name);
	return CLI_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	mem_setup();
	/* Only the supervisor starts us so; the name is not part of the command line's contract. */
	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return run_role(argv[2]);
	return cli_main(argc, argv, app_commands, app_command_count);
}
