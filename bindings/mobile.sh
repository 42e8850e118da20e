#!/bin/sh
# Builds the library as an app ships it: bindings/mobile.sh [cargo's options]. Prints its path; its symbols are one folder up, in the same
# name. ADR 7 says why each switch is there.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
# What the store does not use of SQLite: it has one table, one connection and four statements.
for part in API_ARMOR COLUMN_METADATA DBSTAT_VTAB FTS3 FTS3_PARENTHESIS FTS5 JSON1 LOAD_EXTENSION MEMORY_MANAGEMENT RTREE STAT4; do
    sqlite="${sqlite-} -USQLITE_ENABLE_$part"
done
for part in AUTHORIZATION COMPLETE DECLTYPE DEPRECATED GET_TABLE JSON LOAD_EXTENSION PROGRESS_CALLBACK SHARED_CACHE TCL_VARIABLE TRACE UTF16; do
    sqlite="$sqlite -DSQLITE_OMIT_$part"
done
flags="-C force-unwind-tables=no"
# Relative relocations in a few bytes: glibc 2.36, Android 11, any linker of their time.
[ "$(uname -s)" = Linux ] && flags="$flags -C link-arg=-Wl,-z,pack-relative-relocs"
LIBSQLITE3_FLAGS="$sqlite -USQLITE_SOUNDEX -DSQLITE_DQS=0" RUSTFLAGS=$flags \
    "${CARGO:-cargo}" build --locked --quiet --profile mobile -p ushield-ffi "$@" >&2
case $(uname -s) in Darwin) library=libushield_ffi.dylib strip="strip -x" ;; *) library=libushield_ffi.so strip=strip ;; esac
mkdir -p "$target/mobile/shipped"
$strip -o "$target/mobile/shipped/$library" "$target/mobile/$library"
echo "$target/mobile/shipped/$library"
