# Compiler flags of every target, as one interface library; no global flags.
add_library(db_flags INTERFACE)
target_compile_definitions(db_flags INTERFACE _GNU_SOURCE)
target_compile_options(db_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings -Wpointer-arith
  -Wimplicit-fallthrough -Wswitch-enum -fvisibility=hidden -fno-strict-aliasing -fPIC)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT DB_SANITIZE)
  target_compile_options(db_flags INTERFACE -Wnull-dereference)
endif()
if(DB_HARDEN)
  target_compile_options(db_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
    -fstack-clash-protection -fcf-protection)
  target_link_options(db_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
if(DB_SANITIZE)
  target_compile_options(db_flags INTERFACE -fsanitize=${DB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(db_flags INTERFACE -fsanitize=${DB_SANITIZE})
endif()
if(DB_FUZZ)
  target_compile_options(db_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(DB_COVERAGE)
  target_compile_options(db_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(db_flags INTERFACE -fprofile-instr-generate)
endif()
# Hundreds of test programs: half of the time to link them goes where this one is there. What is installed is linked
# with the system's.
find_program(DB_LLD ld.lld)
if(DB_LLD AND NOT DB_HARDEN)
  target_link_options(db_flags INTERFACE -fuse-ld=lld)
endif()
find_program(DB_CCACHE ccache)
if(DB_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${DB_CCACHE})
endif()
