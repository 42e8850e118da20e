#!/bin/sh
# Builds the library and writes the Kotlin or Python that calls it: bindings/generate.sh kotlin|python OUT [--mobile] [cargo's options].
# A debug library; with --mobile the one that an app ships. What is generated goes with the library that it was generated from, and with no other.
# Prints the library's path.
set -eu
language=$1 out=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-target}
"${CARGO:-cargo}" build --locked --quiet -p ushield-bindgen >&2
if [ "${1-}" = --mobile ]; then
    shift
    library=$(bindings/mobile.sh "$@")
    # Stripped, it does not say any more what it is called with.
    symbols=$(dirname "$library")/../$(basename "$library")
else
    "${CARGO:-cargo}" build --locked --quiet -p ushield-ffi "$@" >&2
    case $(uname -s) in Darwin) library=libushield_ffi.dylib ;; *) library=libushield_ffi.so ;; esac
    library=$target/debug/$library
    symbols=$library
fi
# Without the user's own formatters: what is generated is not read.
"$target/debug/ushield-bindgen" generate "$symbols" --language "$language" --out-dir "$out" --no-format >&2
if [ "$language" = kotlin ]; then
    # A call of the host's that is given up before it begins would never take its arguments over: it begins in any case, cancelled.
    code=$out/ushield/ffi/ushield.kt
    sed -i.before 's/GlobalScope\.launch coroutineBlock@/GlobalScope.launch(start = kotlinx.coroutines.CoroutineStart.ATOMIC) coroutineBlock@/' "$code"
    rm "$code.before"
    [ "$(grep -c 'CoroutineStart.ATOMIC' "$code")" = 2 ] || { echo "uniffi writes its calls of the host differently now" >&2; exit 1; }
fi
case $library in /*) echo "$library" ;; *) echo "$root/$library" ;; esac
