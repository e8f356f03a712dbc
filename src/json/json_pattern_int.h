/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the json room only: the compiled patterns of a model. */
#ifndef JSON_PATTERN_INT_H
#define JSON_PATTERN_INT_H

#include "json_model.h"

/* json_pattern_match: does the pattern, which must be one of the model's, match the whole text? A pattern that needs
 * too many steps does not match. text is valid UTF-8. Any number of threads. */
bool json_pattern_match(const struct json_model *model, const char *pattern, struct bytes text);

#endif
