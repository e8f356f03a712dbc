/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes: their words, and the exception an SDK gets for those made here. RFC 9110 §15. */
#include "http_server_int.h"

static const struct status {
	unsigned status;
	const char *text;
	const char *type; /* of a failure made in this room */
} statuses[] = {
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {206, "Partial Content", NULL},
    {301, "Moved Permanently", NULL},
    {302, "Found", NULL},
    {303, "See Other", NULL},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", NULL},
    {308, "Permanent Redirect", NULL},
    {400, "Bad Request", "ValidationException"},
    {401, "Unauthorized", NULL},
    {402, "Payment Required", NULL},
    {403, "Forbidden", NULL},
    {404, "Not Found", NULL},
    {405, "Method Not Allowed", NULL},
    {408, "Request Timeout", "RequestTimeoutException"},
    {409, "Conflict", NULL},
    {410, "Gone", NULL},
    {411, "Length Required", NULL},
    {413, "Content Too Large", "RequestEntityTooLargeException"},
    {414, "URI Too Long", "ValidationException"},
    {415, "Unsupported Media Type", NULL},
    {416, "Range Not Satisfiable", NULL},
    {417, "Expectation Failed", "ValidationException"},
    {421, "Misdirected Request", NULL},
    {422, "Unprocessable Content", NULL},
    {429, "Too Many Requests", NULL},
    {431, "Request Header Fields Too Large", "ValidationException"},
    {500, "Internal Server Error", "InternalFailure"},
    {501, "Not Implemented", "NotImplemented"},
    {502, "Bad Gateway", NULL},
    {503, "Service Unavailable", "ServiceUnavailable"},
    {504, "Gateway Timeout", NULL},
    {505, "HTTP Version Not Supported", "ValidationException"},
};

const char *
http_status_text(unsigned status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "Unknown";
}

const char *
http_status_type(unsigned status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (statuses[i].status == status && statuses[i].type != NULL)
			return statuses[i].type;
	return "InternalFailure";
}
