# The front door. Everything real is in CMakeLists.txt and tools/; `make help` lists what there is.
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)

.PHONY: all deps test durability durability-release demo bench install lint asan tsan fuzz coverage clean help

all: ## build build/release/daybook
	@tools/deps build
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS)

test: ## install what tests need, build, run every test
	@tools/deps test
	@tools/test dev

demo: all ## a whole journaling set-up on loopback; Ctrl-C ends it
	@build/release/daybook demo $(DEMO)

durability: ## power loss, failing calls and disks, full disks: every tier at CI size
	@tools/deps test
	@tools/durability

durability-release: ## the same at the size of a release; hours, as root
	@tools/deps test
	@tools/durability --release

bench: all ## figures, with the machine they were measured on
	@tools/deps bench
	@tools/bench

install: ## into PREFIX (/usr/local): program, manual, unit, example configuration; after make
	@test -x build/release/daybook || { echo "run make first"; exit 1; }
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

lint: ## house rules
	@tools/lint

asan: ## unit tests under address and undefined-behaviour sanitizers
	@tools/deps test
	@tools/test asan

tsan: ## tests with threads under the thread sanitizer
	@tools/deps test
	@tools/test tsan

fuzz: ## every fuzz target for FUZZ_SECONDS (30)
	@tools/deps test
	@tools/test fuzz

coverage: ## unit tests with source coverage
	@tools/deps test
	@tools/test coverage

clean: ## remove build/
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20
