#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares mailmanager.model with a service model in AWS's JSON form: every constraint of every operation served."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "src", "api", "model"))
import generate  # noqa: E402  (its folder is known only now)


class Comparison:
    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.differences, self.compared, self.seen = [], 0, set()

    def same(self, what, ours, theirs):
        self.compared += 1
        if ours != theirs:
            self.differences.append("%s: ours %r, theirs %r" % (what, ours, theirs))

    def shape(self, name):
        if name in self.seen:
            return
        self.seen.add(name)
        ours, theirs = self.ours.shapes.get(name), self.theirs["shapes"].get(name)
        self.same(name, ours is not None, theirs is not None)
        if ours is None or theirs is None:
            return
        kind = ours["kind"]
        self.same(name + " kind", {"enum": "string", "union": "structure"}.get(kind, kind), theirs["type"])
        self.same(name + " union", kind == "union", theirs.get("union", False))
        self.same(name + " values", ours.get("enum"), theirs.get("enum"))
        self.same(name + " sensitive", ours.get("sensitive", False), theirs.get("sensitive", False))
        for key in ("min", "max", "pattern"):
            self.same("%s %s" % (name, key), ours.get(key), theirs.get(key))
        if theirs["type"] == "list":
            self.same(name + " of", ours["of"], theirs["member"]["shape"])
            self.shape(ours["of"])
        self.members(name, ours["members"], theirs)

    def members(self, name, ours, theirs):
        members = theirs.get("members", {})
        self.same(name + " members", sorted(ours), sorted(members))
        for member in sorted(set(ours) & set(members)):
            path = "%s$%s" % (name, member)
            self.same(path + " shape", ours[member]["shape"], members[member]["shape"])
            self.same(path + " required", ours[member]["required"], member in theirs.get("required", []))
            self.same(path + " token", ours[member]["token"], members[member].get("idempotencyToken", False))
            self.shape(ours[member]["shape"])

    def operations(self):
        self.same("target", self.ours.target, self.theirs["metadata"]["targetPrefix"])
        self.same("operations", sorted(list(self.ours.operations) + self.ours.later), sorted(self.theirs["operations"]))
        for name, ours in self.ours.operations.items():
            theirs = self.theirs["operations"].get(name)
            if theirs is None:
                continue
            self.same(name + " input", ours["input"], theirs["input"]["shape"])
            self.same(name + " output", ours["output"], theirs["output"]["shape"])
            self.same(name + " idempotent", ours["idempotent"], theirs.get("idempotent", False))
            self.same(name + " errors", sorted(ours["errors"]), sorted(e["shape"] for e in theirs["errors"]))
            for error in ours["errors"]:
                self.same(error, self.ours.errors[error], self.theirs["shapes"][error]["error"]["httpStatusCode"])
            self.shape(ours["input"])
            self.shape(ours["output"])


def main():
    if len(sys.argv) != 2 or not os.path.exists(sys.argv[1]):
        print("skipped: there is no service model to compare with")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    with open(sys.argv[1], encoding="utf-8") as file:
        theirs = json.load(file)
    comparison = Comparison(generate.Model(os.path.join(ROOT, "src", "api", "model", "mailmanager.model")), theirs)
    comparison.operations()
    for line in comparison.differences:
        print(line)
    print("%d constraints compared, %d differ" % (comparison.compared, len(comparison.differences)))
    print("%d passed, %d failed" % (0 if comparison.differences else 1, 1 if comparison.differences else 0))
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
