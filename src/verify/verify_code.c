/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the rooms in the words of the library. */
#include <stdio.h>

#include "verify_int.h"

VERIFY_PUBLIC int
daybook_verify_abi(void)
{
	return DAYBOOK_VERIFY_ABI;
}

enum daybook_code
verify_code(bool ok, const struct err *err, struct daybook_error *error)
{
	if (ok)
		return DAYBOOK_OK;
	if (error != NULL)
		(void)snprintf(error->text, sizeof error->text, "%s", err->msg);
	switch (err->code) {
	case ERR_SYNTAX:
	case ERR_DENIED:
	case ERR_CORRUPT:
		return DAYBOOK_WRONG;
	case ERR_USAGE:
		return DAYBOOK_USAGE;
	case ERR_NOT_FOUND:
		return DAYBOOK_NOT_FOUND;
	case ERR_SEALED:
		return DAYBOOK_SEALED;
	case ERR_UNSUPPORTED:
		return DAYBOOK_UNSUPPORTED;
	case ERR_NONE:
	case ERR_LIMIT:
	case ERR_EXISTS:
	case ERR_BUSY:
	case ERR_REFUSED:
	case ERR_TIMEOUT:
	case ERR_IO:
	case ERR_NO_SPACE:
	case ERR_CANCELLED:
		break;
	}
	return DAYBOOK_TROUBLE;
}
