#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the model files; writes the C tables of the API, or its coverage page."""
import argparse
import re
import sys


class Model:
    """One model file, parsed. Shapes keep their order of appearance."""

    def __init__(self, path):
        self.path = path
        self.target = self.namespace = None
        self.shapes, self.errors, self.operations, self.later = {}, {}, {}, []
        shape = None
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                line = line.rstrip("\n")
                try:
                    if not line or line.startswith("#"):
                        continue
                    if line.startswith("\t"):
                        self._member(shape, line[1:].split(" "))
                    else:
                        shape = self._statement(line)
                except (KeyError, IndexError, ValueError, TypeError) as trouble:
                    sys.exit("%s:%d: %s: %r" % (path, number, line, trouble))
        self._check()

    def _statement(self, line):
        words = line.split(" ")
        kind, name = words[0], words[1]
        if kind == "service":
            self.target, self.namespace = name, words[2]
        elif kind == "error":
            self.errors[name] = int(words[2])
        elif kind == "later":
            self.later.append(name)
        elif kind == "operation":
            at = words.index("errors")
            flags = words[5:at]
            if set(flags) - {"idempotent", "free"}:
                raise ValueError(flags)
            self.operations[name] = {"input": words[2], "output": words[3], "handler": words[4],
                "idempotent": "idempotent" in flags, "free": "free" in flags, "errors": words[at + 1:]}
        else:
            if name in self.shapes:
                raise ValueError("declared twice")
            self.shapes[name] = shape = {"kind": kind, "members": {}}
            self._bounds(shape, kind, line, words[2:])
            return shape
        return None

    @staticmethod
    def _bounds(shape, kind, line, words):
        if kind == "enum":
            shape["enum"] = words
            return
        if kind not in ("string", "integer", "double", "boolean", "timestamp", "list", "structure", "union"):
            raise ValueError(kind)
        at = 0
        while at < len(words):
            word = words[at]
            if word in ("min", "max"):
                shape[word] = int(words[at + 1])
                at += 2
            elif word == "of":
                shape["of"] = words[at + 1]
                at += 2
            elif word == "sensitive":
                shape["sensitive"] = True
                at += 1
            elif word == "pattern" and kind == "string":
                shape["pattern"] = line.split(" pattern ", 1)[1]
                return
            else:
                raise ValueError(word)

    @staticmethod
    def _member(shape, words):
        if set(words[2:]) - {"required", "token"}:
            raise ValueError(words)
        if words[0] in shape["members"]:
            raise ValueError("declared twice")
        shape["members"][words[0]] = {"shape": words[1], "required": "required" in words[2:], "token": "token" in words[2:]}

    def _check(self):
        used = {o[k] for o in self.operations.values() for k in ("input", "output")}
        for shape in self.shapes.values():
            used |= {m["shape"] for m in shape["members"].values()} | ({shape["of"]} if "of" in shape else set())
        if used - set(self.shapes):
            sys.exit("%s: not declared: %s" % (self.path, " ".join(sorted(used - set(self.shapes)))))
        if set(self.shapes) - used:
            sys.exit("%s: not used: %s" % (self.path, " ".join(sorted(set(self.shapes) - used))))
        raised = {e for o in self.operations.values() for e in o["errors"]}
        if raised - set(self.errors):
            sys.exit("%s: errors not declared: %s" % (self.path, " ".join(sorted(raised - set(self.errors)))))


def c_text(text):
    """A C string literal of ASCII text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '"'


KINDS = {"string": "STRING", "enum": "STRING", "integer": "INTEGER", "double": "DOUBLE", "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP", "list": "LIST", "structure": "STRUCTURE", "union": "UNION"}


def c_shape(prefix, name, shape):
    """The initialiser of one shape."""
    fields = [".name = " + c_text(name), ".kind = JSON_SHAPE_" + KINDS[shape["kind"]]]
    fields.append(".min = %s" % shape.get("min", "JSON_SHAPE_NO_MIN"))
    fields.append(".max = %s" % shape.get("max", "JSON_SHAPE_NO_MAX"))
    if shape.get("sensitive"):
        fields.append(".sensitive = true")
    if "pattern" in shape:
        fields.append(".pattern = " + c_text(shape["pattern"]))
    if "enum" in shape:
        fields.append(".enum_values = %s_enum_%s" % (prefix, name))
    if "of" in shape:
        fields.append(".element = &%s_%s" % (prefix, shape["of"]))
    if shape["members"]:
        fields.append(".members = %s_members_%s" % (prefix, name))
        fields.append(".member_count = %d" % len(shape["members"]))
    return "static const struct json_shape %s_%s = {%s};" % (prefix, name, ", ".join(fields))


def c_shapes(model):
    """Every shape of a model: announced, then member and word lists, then the shapes themselves."""
    prefix = model.target.lower()
    out = ["static const struct json_shape %s_%s;" % (prefix, name) for name in model.shapes]
    for name, shape in model.shapes.items():
        if "enum" in shape:
            words = ", ".join(c_text(w) for w in shape["enum"])
            out.append("static const char *const %s_enum_%s[] = {%s, NULL};" % (prefix, name, words))
        if shape["members"]:
            out.append("static const struct json_member %s_members_%s[] = {" % (prefix, name))
            for member, m in shape["members"].items():
                out.append("\t{%s, &%s_%s, %s, %s}," % (c_text(member), prefix, m["shape"],
                    "true" if m["required"] else "false", "true" if m["token"] else "false"))
            out.append("};")
    return out + [c_shape(prefix, n, s) for n, s in model.shapes.items()]


def c_operation(model, name, o):
    """One row of the operation table."""
    prefix = model.target.lower()
    token = [n for n, m in model.shapes[o["input"]]["members"].items() if m["token"]]
    answer = list(model.shapes[o["output"]]["members"]) if token else []
    if token and len(answer) != 1:
        sys.exit("%s: %s: an operation with a token answers one member" % (model.path, name))
    return "\t{%s, %s, %s, &%s_%s, &%s_%s, %s, %s, %s, %s, %s}," % (c_text(model.target), c_text(model.namespace),
        c_text(name), prefix, o["input"], prefix, o["output"], c_text(token[0]) if token else "NULL",
        c_text(answer[0]) if token else "NULL", "true" if o["idempotent"] else "false",
        "true" if o["free"] else "false", o["handler"])


def time_members(models):
    """Names of members that hold a time; a name that is a time here and something else there is refused."""
    times, others = set(), set()
    for model in models:
        for shape in model.shapes.values():
            for name, m in shape["members"].items():
                (times if model.shapes[m["shape"]]["kind"] == "timestamp" else others).add(name)
    if times & others:
        sys.exit("a time in one shape and not in another: " + " ".join(sorted(times & others)))
    return sorted(times)


def tables(models):
    """api_model_tables.c"""
    rows = sorted((m, n) for m in range(len(models)) for n in models[m].operations)
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by generate.py from the model files; do not edit. */",
        '#include "api_model_int.h"', '#include "api_model_handlers.h"', "", "#include <string.h>", ""]
    for model in models:
        out += c_shapes(model) + [""]
    out += ["const struct api_operation api_model_operations[] = {"]
    out += [c_operation(models[m], n, models[m].operations[n]) for m, n in rows]
    out += ["};", "const size_t api_model_operation_count = %d;" % len(rows), "",
        "const struct json_shape *const api_model_roots[] = {"]
    for m, n in rows:
        o, prefix = models[m].operations[n], models[m].target.lower()
        out += ["\t&%s_%s, &%s_%s," % (prefix, o["input"], prefix, o["output"])]
    out += ["};", "const size_t api_model_root_count = %d;" % (2 * len(rows)), "", "bool", "api_model_is_time(const char *member)",
        "{", "\tstatic const char *const names[] = {" + ", ".join(c_text(n) for n in time_members(models)) + "};", "",
        "\tfor (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)", "\t\tif (strcmp(names[i], member) == 0)",
        "\t\t\treturn true;", "\treturn false;", "}"]
    return out


def handlers(models):
    """api_model_handlers.h"""
    errors = {}
    for model in models:
        for name, status in model.errors.items():
            if errors.setdefault(name, status) != status:
                sys.exit("two statuses for " + name)
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by generate.py from the model files; do not edit. */",
        "#ifndef API_MODEL_HANDLERS_H", "#define API_MODEL_HANDLERS_H", "", '#include "api_model_int.h"', ""]
    for name, status in sorted(errors.items()):
        macro = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace("Exception", "")).upper()
        out.append("#define API_MODEL_STATUS_%s %d" % (macro, status))
    out.append("")
    names = sorted(o["handler"] for model in models for o in model.operations.values())
    if len(set(names)) != len(names):
        sys.exit("a handler serves two operations")
    return out + ["bool %s(struct api_call *call);" % n for n in names] + ["", "#endif"]


def coverage(models):
    """docs/api-coverage.md"""
    total = sum(len(m.operations) + len(m.later) for m in models[:1])
    out = ["# API coverage", "", "Made by `src/api/model/generate.py --coverage`. Of the %d operations of SES Mail Manager, %d are" %
        (total, len(models[0].operations)), "served; the others answer `UnknownOperationException`.", ""]
    for model in models:
        out += ["## %s" % model.target, "", "| operation | state | idempotent | errors |", "|---|---|---|---|"]
        for name in sorted(list(model.operations) + model.later):
            o = model.operations.get(name)
            errors = ", ".join(e.replace("Exception", "") for e in o["errors"]) if o else ""
            out.append("| %s | %s | %s | %s |" % (name, "served" if o else "not yet", "yes" if o and o["idempotent"] else "",
                errors))
        out.append("")
    return out[:-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--tables", metavar="FILE")
    parser.add_argument("--handlers", metavar="FILE")
    parser.add_argument("--coverage", metavar="FILE")
    parser.add_argument("--check-coverage", metavar="FILE", help="fail when the page is not what --coverage would write")
    args = parser.parse_args()
    models = [Model(path) for path in args.models]
    for path, make in ((args.tables, tables), (args.handlers, handlers), (args.coverage, coverage)):
        if path:
            with open(path, "w", encoding="utf-8") as out:
                out.write("\n".join(make(models)) + "\n")
    if args.check_coverage:
        with open(args.check_coverage, encoding="utf-8") as page:
            if page.read() != "\n".join(coverage(models)) + "\n":
                sys.exit("%s is out of date: run generate.py --coverage" % args.check_coverage)
            print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
