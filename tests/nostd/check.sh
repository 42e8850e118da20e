#!/bin/sh
# Builds protocol, session and the token's logic without `std`, and shows that the check notices a `use std`.
set -eu
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-../../target}
cargo build --locked --quiet --target-dir "$target/nostd"
echo "no_std: protocol, session and token logic link with a panic handler of their own"
if cargo build --locked --quiet --target-dir "$target/nostd" --features planted-std 2>"$target/nostd/planted.log"; then
    echo "no_std: the planted 'extern crate std' was not noticed" >&2
    exit 1
fi
if ! grep -q "panic_impl\|panic_handler" "$target/nostd/planted.log"; then
    echo "no_std: the planted build failed for another reason:" >&2
    cat "$target/nostd/planted.log" >&2
    exit 1
fi
echo "no_std: a planted 'extern crate std' fails the build, as it must"
