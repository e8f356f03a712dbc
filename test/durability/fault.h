/* SPDX-License-Identifier: Apache-2.0 */
/* What the preloaded library and the test share: which call is to fail, and how often it was met. All fields u32. */
#ifndef FAULT_H
#define FAULT_H

#include <stdatomic.h>
#include <stdint.h>

#define FAULT_MAGIC 0x31544c46u /* "FLT1" */

/* Environment: the tree whose files count, and the shared block. */
#define FAULT_ROOT_NAME  "DAYBOOK_FAULT_ROOT"
#define FAULT_BLOCK_NAME "DAYBOOK_FAULT_BLOCK"

enum fault_call {
	FAULT_OPEN,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_RENAME,
	FAULT_UNLINK,
	FAULT_MKDIR,
	FAULT_CLOSE,
	FAULT_READ,
	FAULT_ALLOCATE,
	FAULT_TRUNCATE,
	FAULT_ACCEPT,
	FAULT_RECEIVE,
	FAULT_SEND,
	FAULT_MAP,
	FAULT_MEMFILE,
	FAULT_MEMORY
};

enum fault_how {
	FAULT_BEFORE, /* nothing is done */
	FAULT_SHORT,  /* the first call does half and says so, the next ones fail */
	FAULT_AFTER   /* all is done, and reported as failed */
};

enum fault_role { FAULT_CORE = 1, FAULT_SMTP = 2, FAULT_HTTP = 4, FAULT_OTHER = 8 };
enum fault_tag { FAULT_INTAKE = 1, FAULT_CATALOG = 2, FAULT_PACKS = 4, FAULT_ELSE = 8 };

struct fault_block {
	uint32_t magic;
	_Atomic uint32_t armed;
	uint32_t call, roles, tags; /* tags: 0 = any file; only for calls on files */
	uint32_t sys_errno, how, nth, times;
	_Atomic uint32_t seen, hits;
};

#endif
