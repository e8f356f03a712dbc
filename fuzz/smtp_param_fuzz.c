/* SPDX-License-Identifier: Apache-2.0 */
/* ESMTP parameters and BDAT arguments from a stranger. */
#include <stddef.h>
#include <stdint.h>

#include "smtp_bdat.h"
#include "smtp_param.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_of(data, size);
	struct smtp_mail_params mail, with_auth;
	struct smtp_rcpt_params rcpt;
	struct smtp_bdat bdat;

	if (smtp_param_mail(text, false, &mail) == SMTP_PARAM_OK) {
		must(mail.auth.len == 0 && mail.envid.len <= size);
		must(smtp_param_mail(text, true, &with_auth) == SMTP_PARAM_OK);
	}
	if (smtp_param_rcpt(text, false, &rcpt) == SMTP_PARAM_OK) {
		must((rcpt.notify & SMTP_NOTIFY_NEVER) == 0 || rcpt.notify == SMTP_NOTIFY_NEVER);
		must(smtp_param_rcpt(text, true, &rcpt) == SMTP_PARAM_OK);
	}
	smtp_bdat_init(&bdat);
	if (!smtp_bdat_parse(&bdat, text))
		must(bdat.left_bytes == 0 && !bdat.last);
	return 0;
}
