/* SPDX-License-Identifier: Apache-2.0 */
/* Validation by model: every kind, every constraint, the exact words, and no echo of what is sensitive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "json_model.h"

#define NONE     .min = JSON_SHAPE_NO_MIN, .max = JSON_SHAPE_NO_MAX
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const period_words[] = {"ONE_YEAR", "PERMANENT", NULL};
static const struct json_shape name_shape = {
    .name = "Name", .kind = JSON_SHAPE_STRING, .min = 2, .max = 5, .pattern = "[a-z]+|\\d+"};
static const struct json_shape period_shape = {
    .name = "Period", .kind = JSON_SHAPE_STRING, NONE, .enum_values = period_words};
static const struct json_shape password_shape = {.name = "Password",
    .kind = JSON_SHAPE_STRING,
    .sensitive = true,
    .min = 8,
    .max = 64,
    .pattern = "[A-Za-z0-9]+"};
static const struct json_shape page_shape = {
    .name = "PageSize", .kind = JSON_SHAPE_INTEGER, .min = 1, .max = 50};
static const struct json_shape any_integer_shape = {
    .name = "Integer", .kind = JSON_SHAPE_INTEGER, NONE};
static const struct json_shape ratio_shape = {
    .name = "Ratio", .kind = JSON_SHAPE_DOUBLE, .min = 0, .max = 1};
static const struct json_shape flag_shape = {.name = "Flag", .kind = JSON_SHAPE_BOOLEAN, NONE};
static const struct json_shape time_shape = {.name = "Time", .kind = JSON_SHAPE_TIMESTAMP, NONE};
static const struct json_shape blob_shape = {
    .name = "Blob", .kind = JSON_SHAPE_BLOB, .min = 1, .max = 3};
static const struct json_shape names_shape = {
    .name = "Names", .kind = JSON_SHAPE_LIST, .min = 1, .max = 2, .element = &name_shape};
static const struct json_shape secrets_shape = {
    .name = "Secrets", .kind = JSON_SHAPE_LIST, .min = 0, .max = 1, .element = &password_shape};
static const struct json_member tag_members[] = {
    {"Key", &name_shape, true, false}, {"Value", &any_integer_shape, false, false}};
static const struct json_shape tag_shape = {.name = "Tag",
    .kind = JSON_SHAPE_STRUCTURE,
    NONE,
    .members = tag_members,
    .member_count = COUNT(tag_members)};
static const struct json_shape tags_shape = {
    .name = "Tags", .kind = JSON_SHAPE_LIST, NONE, .element = &tag_shape};
static const struct json_member choice_members[] = {
    {"One", &name_shape, false, false}, {"Two", &page_shape, false, false}};
static const struct json_shape choice_shape = {.name = "Choice",
    .kind = JSON_SHAPE_UNION,
    NONE,
    .members = choice_members,
    .member_count = COUNT(choice_members)};
static const struct json_shape tree_shape;
static const struct json_shape trees_shape = {
    .name = "Trees", .kind = JSON_SHAPE_LIST, NONE, .element = &tree_shape};
static const struct json_member tree_members[] = {{"Below", &trees_shape, false, false}};
static const struct json_shape tree_shape = {.name = "Tree",
    .kind = JSON_SHAPE_STRUCTURE,
    NONE,
    .members = tree_members,
    .member_count = COUNT(tree_members)};
static const struct json_shape slow_shape = {
    .name = "Slow", .kind = JSON_SHAPE_STRING, NONE, .pattern = "(a+)+[bc]"};
static const struct json_shape certificate_shape = {.name = "CA",
    .kind = JSON_SHAPE_STRING,
    .min = 1,
    .max = 500000,
    .sensitive = true,
    .pattern = "[\\P{C}\\s]*"};

static const struct json_member root_members[] = {
    {"ArchiveName", &name_shape, true, false},
    {"Period", &period_shape, false, false},
    {"Password", &password_shape, false, false},
    {"PageSize", &page_shape, false, false},
    {"Count", &any_integer_shape, false, false},
    {"Ratio", &ratio_shape, false, false},
    {"Flag", &flag_shape, false, false},
    {"Time", &time_shape, false, false},
    {"Blob", &blob_shape, false, false},
    {"Names", &names_shape, false, false},
    {"Secrets", &secrets_shape, false, false},
    {"Tags", &tags_shape, false, false},
    {"Choice", &choice_shape, false, false},
    {"Tree", &tree_shape, false, false},
    {"Slow", &slow_shape, false, false},
    {"CAContent", &certificate_shape, false, false},
};
static const struct json_shape root_shape = {.name = "Request",
    .kind = JSON_SHAPE_STRUCTURE,
    NONE,
    .members = root_members,
    .member_count = COUNT(root_members)};

static struct json_model *
model_of(const struct json_shape *root)
{
	struct json_model *model = NULL;
	struct err err = {0};

	if (!json_model_new(&root, 1, &model, &err))
		fail_msg("%s", err.msg);
	return model;
}

/* want NULL = valid; a name that is valid is put in, to keep rows short, unless the row has its own. */
static void
check_row(const struct json_model *model, const char *name, const char *text,
    enum json_model_result result, const char *want)
{
	struct json_model_report report;
	struct err err = {0};
	struct json *v = json_parse(bytes_of_str(text), &err);

	if (v == NULL)
		fail_msg("%s: %s", name, err.msg);
	if (json_kind(v) == JSON_OBJECT && json_get(v, "ArchiveName") == NULL)
		json_set_str(v, "ArchiveName", "abc");
	print_message("%s\n", name);
	assert_int_equal(
	    json_model_check(model, &root_shape, v, &report), result == JSON_MODEL_VALID);
	assert_string_equal(buf_text(&report.text), want == NULL ? "" : want);
	assert_int_equal(report.result, result);
	json_model_report_fini(&report);
	json_free(&v);
}

#define ONE    "1 validation error detected: "
#define TWO    "2 validation errors detected: "
#define FAILED "' failed to satisfy constraint: Member must "

static void
test_constraints(void **state)
{
	static const struct {
		const char *name, *json, *want;
	} rows[] = {
	    {"required only", "{}", NULL},
	    {"unknown member", "{\"Foo\":{\"Bar\":1}}", NULL},
	    {"null is absent", "{\"PageSize\":null,\"Tags\":null}", NULL},
	    {"required null", "{\"ArchiveName\":null}",
		ONE "Value null at 'archiveName" FAILED "not be null"},
	    {"too short", "{\"ArchiveName\":\"a\"}",
		ONE "Value 'a' at 'archiveName" FAILED "have length greater than or equal to 2"},
	    {"too long", "{\"ArchiveName\":\"abcdef\"}",
		ONE "Value 'abcdef' at 'archiveName" FAILED "have length less than or equal to 5"},
	    {"length and pattern", "{\"ArchiveName\":\"\"}",
		TWO "Value '' at 'archiveName" FAILED "have length greater than or equal to 2; "
		    "Value '' at 'archiveName" FAILED
		    "satisfy regular expression pattern: [a-z]+|\\d+"},
	    {"lengths are characters", "{\"ArchiveName\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}",
		ONE "Value '\xc3\xa9\xc3\xa9\xc3\xa9' at 'archiveName" FAILED
		    "satisfy regular expression pattern: [a-z]+|\\d+"},
	    {"pattern: alternatives match whole", "{\"ArchiveName\":\"12345\"}", NULL},
	    {"pattern: not a prefix", "{\"ArchiveName\":\"ab1\"}",
		ONE "Value 'ab1' at 'archiveName" FAILED
		    "satisfy regular expression pattern: [a-z]+|\\d+"},
	    {"pattern: no newline at the end", "{\"ArchiveName\":\"ab\\n\"}",
		ONE "Value 'ab\n' at 'archiveName" FAILED
		    "satisfy regular expression pattern: [a-z]+|\\d+"},
	    {"enum", "{\"Period\":\"TWO\"}",
		ONE "Value 'TWO' at 'period" FAILED
		    "satisfy enum value set: [ONE_YEAR, PERMANENT]"},
	    {"enum is exact", "{\"Period\":\"PERMANENT\"}", NULL},
	    {"sensitive", "{\"Password\":\"pw\"}",
		ONE "Value at 'password" FAILED "have length greater than or equal to 8"},
	    {"integer below", "{\"PageSize\":0}",
		ONE "Value '0' at 'pageSize" FAILED "have value greater than or equal to 1"},
	    {"integer above", "{\"PageSize\":51}",
		ONE "Value '51' at 'pageSize" FAILED "have value less than or equal to 50"},
	    {"double above", "{\"Ratio\":1.5}",
		ONE "Value '1.5' at 'ratio" FAILED "have value less than or equal to 1"},
	    {"double as integer", "{\"Ratio\":1}", NULL},
	    {"time with fraction", "{\"Time\":1700000000.123}", NULL},
	    {"blob", "{\"Blob\":\"AQID\"}", NULL},
	    {"blob too long", "{\"Blob\":\"AQIDBA==\"}",
		ONE "Value 'AQIDBA==' at 'blob" FAILED "have length less than or equal to 3"},
	    {"list too short", "{\"Names\":[]}",
		ONE "Value '[]' at 'names" FAILED "have length greater than or equal to 1"},
	    {"list too long", "{\"Names\":[\"ab\",\"cd\",\"ef\"]}",
		ONE "Value '[ab, cd, ef]' at 'names" FAILED "have length less than or equal to 2"},
	    {"list item", "{\"Names\":[\"ab\",\"c\"]}",
		ONE "Value 'c' at 'names.2.member" FAILED "have length greater than or equal to 2"},
	    {"list item null", "{\"Names\":[null]}",
		ONE "Value null at 'names.1.member" FAILED "not be null"},
	    {"list of sensitive", "{\"Secrets\":[\"12345678\",\"12345678\"]}",
		ONE "Value at 'secrets" FAILED "have length less than or equal to 1"},
	    {"member of a structure in a list", "{\"Tags\":[{\"Key\":\"ab\"},{\"Value\":1}]}",
		ONE "Value null at 'tags.2.member.key" FAILED "not be null"},
	    {"union", "{\"Choice\":{\"Two\":1,\"Three\":3}}", NULL},
	    {"union with none", "{\"Choice\":{\"Three\":3}}",
		ONE "Value '{\"Three\":3}' at 'choice" FAILED "have exactly one value set"},
	    {"union with two", "{\"Choice\":{\"One\":\"ab\",\"Two\":2}}",
		ONE "Value '{\"One\":\"ab\",\"Two\":2}' at 'choice" FAILED
		    "have exactly one value set"},
	    {"union with null", "{\"Choice\":{\"One\":null,\"Two\":2}}", NULL},
	    {"model order", "{\"PageSize\":0,\"ArchiveName\":\"a\"}",
		TWO "Value 'a' at 'archiveName" FAILED "have length greater than or equal to 2; "
		    "Value '0' at 'pageSize" FAILED "have value greater than or equal to 1"},
	    {"recursive", "{\"Tree\":{\"Below\":[{\"Below\":[]},{}]}}", NULL},
	    {"pattern that would take for ever",
		"{\"Slow\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
		ONE "Value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' at "
		    "'slow" FAILED "satisfy regular expression pattern: (a+)+[bc]"},
	};
	struct json_model *model = model_of(&root_shape);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(model, rows[i].name, rows[i].json,
		    rows[i].want == NULL ? JSON_MODEL_VALID : JSON_MODEL_INVALID, rows[i].want);
	json_model_free(&model);
	assert_null(model);
}

static void
test_wrong_types(void **state)
{
	static const struct {
		const char *name, *json, *want;
	} rows[] = {
	    {"root", "[]", "Wrong type at '.': a structure is needed, a list was given"},
	    {"root null", "null", "Wrong type at '.': a structure is needed, null was given"},
	    {"string", "{\"ArchiveName\":1}",
		"Wrong type at 'archiveName': a string is needed, an integer was given"},
	    {"integer from real", "{\"Count\":1.0}",
		"Wrong type at 'count': an integer is needed, a number was given"},
	    {"integer from text", "{\"Count\":\"1\"}",
		"Wrong type at 'count': an integer is needed, a string was given"},
	    {"double", "{\"Ratio\":\"1\"}",
		"Wrong type at 'ratio': a number is needed, a string was given"},
	    {"boolean", "{\"Flag\":1}",
		"Wrong type at 'flag': a boolean is needed, an integer was given"},
	    {"time", "{\"Time\":\"2026-01-01\"}",
		"Wrong type at 'time': a number is needed, a string was given"},
	    {"blob", "{\"Blob\":\"?\"}",
		"Wrong type at 'blob': base64 text is needed, a string was given"},
	    {"list", "{\"Names\":\"ab\"}",
		"Wrong type at 'names': a list is needed, a string was given"},
	    {"structure", "{\"Tags\":[1]}",
		"Wrong type at 'tags.1.member': a structure is needed, an integer was given"},
	    {"nested", "{\"Tags\":[{\"Key\":true}]}",
		"Wrong type at 'tags.1.member.key': a string is needed, a boolean was given"},
	    {"wins over constraints", "{\"ArchiveName\":\"\",\"Flag\":\"yes\"}",
		"Wrong type at 'flag': a boolean is needed, a string was given"},
	};
	struct json_model *model = model_of(&root_shape);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(model, rows[i].name, rows[i].json, JSON_MODEL_WRONG_TYPE, rows[i].want);
	json_model_free(&model);
}

static void
test_long_values(void **state)
{
	struct json_model *model = model_of(&root_shape);
	struct json_model_report report;
	struct json *v = json_new_object(), *list = json_new_array();
	struct buf text;

	(void)state;
	buf_init(&text, LIMIT_MIB);
	while (text.len < 500000)
		buf_append_str(&text, "-----BEGIN\n");
	text.len = 500000;
	json_set_text(v, "CAContent", buf_view(&text));
	json_set_str(v, "ArchiveName", "abc");
	assert_true(json_model_check(model, &root_shape, v, &report));
	json_model_report_fini(&report);
	text.ptr[499999] = 0x01;
	json_set_text(v, "CAContent", buf_view(&text));
	assert_false(json_model_check(model, &root_shape, v, &report));
	assert_string_equal(buf_text(&report.text),
	    ONE "Value at 'cAContent" FAILED "satisfy regular expression pattern: [\\P{C}\\s]*");
	json_model_report_fini(&report);
	json_unset(v, "CAContent");

	/* An echoed value is cut between characters. */
	buf_reset(&text);
	buf_append_byte(&text, 'x');
	for (int i = 0; i < 200; i++)
		buf_append_str(&text, "\xc3\xa9");
	json_set_text(v, "Period", buf_view(&text));
	assert_false(json_model_check(model, &root_shape, v, &report));
	assert_non_null(strstr(buf_text(&report.text), "\xc3\xa9...' at 'period'"));
	json_model_report_fini(&report);
	json_unset(v, "Period");

	/* Many violations are counted, and listed up to a bound. */
	for (int i = 0; i < 5000; i++)
		json_push(list, json_new_null());
	json_set(v, "Tags", list);
	assert_false(json_model_check(model, &root_shape, v, &report));
	assert_int_equal(report.error_count, 5000);
	assert_memory_equal(report.text.ptr, "5000 validation errors detected: ", 33);
	assert_non_null(strstr(buf_text(&report.text), "'tags.100.member'"));
	assert_null(strstr(buf_text(&report.text), "'tags.101.member'"));
	json_model_report_fini(&report);
	buf_fini(&text);
	json_free(&v);
	json_model_free(&model);
}

static void
test_bad_pattern(void **state)
{
	static const struct json_shape bad = {
	    .name = "Bad", .kind = JSON_SHAPE_STRING, NONE, .pattern = "(a"};
	const struct json_shape *root = &bad;
	struct json_model *model = NULL;
	struct err err = {0};

	(void)state;
	assert_false(json_model_new(&root, 1, &model, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "(a"));
	assert_null(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_constraints),
	    cmocka_unit_test(test_wrong_types),
	    cmocka_unit_test(test_long_values),
	    cmocka_unit_test(test_bad_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
