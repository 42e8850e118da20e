#!/usr/bin/env bash
# Type-checks the core for phones and for a chip, with Debian's packages alone. Nothing is linked or run there, and no C is compiled.
set -euo pipefail
cd "$(dirname "$0")/../.."

phone=(ushield-client ushield-ffi)
chip=(ushield-protocol ushield-session ushield-token)

target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
tests/targets/toolchain.sh "$target/toolchain" "$oldest"

# For std's source with a compiler that is not a nightly. Flags for this machine are none for the others.
export RUSTC=$target/toolchain/bin/rustc RUSTC_BOOTSTRAP=1
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
# Cargo does not only check std, it generates its code: less of it without what a debugger wants.
export CARGO_PROFILE_DEV_DEBUG=false
stub=$PWD/tests/targets/stub
for name in aarch64_linux_android aarch64_apple_ios; do export "CC_$name=$stub/cc" "AR_$name=$stub/ar"; done
# Else build scripts ask Apple's own tools where the SDK is. Nothing is taken from there.
export SDKROOT=$stub

check() { "$target/toolchain/bin/cargo" check --locked --quiet --target-dir "$target/targets" "$@"; }

# What a stub stands in for, by what it left.
stubbed() {
    find "$target/targets/$1/debug/build" -name '*.a' -size 0 | sed 's,.*/build/\(.*\)-[0-9a-f]*/out/.*,\1,' | sort -u | paste -sd, | sed 's/,/, /g'
}

# An error that the host cannot notice must be one there, and for the reason that is given.
planted=(--package ushield-targets-probe --features planted)
log=$target/targets/planted.log
check "${planted[@]}"

on() {
    local triple=$1 std=$2 reason=$3 start=$SECONDS crates
    shift 3
    crates=$*
    check --target "$triple" "-Zbuild-std=$std" "${@/#/--package=}"
    echo "$triple: $crates type-checked in $((SECONDS - start)) s"
    crates=$(stubbed "$triple")
    [ -z "$crates" ] || echo "$triple: the C of $crates is not compiled, a stub stands in for it"
    if check --target "$triple" "-Zbuild-std=$std" "${planted[@]}" 2>"$log"; then
        echo "$triple: the planted error was not noticed" >&2
        exit 1
    fi
    if ! grep -q "$reason" "$log"; then
        echo "$triple: the planted error was noticed for another reason:" >&2
        cat "$log" >&2
        exit 1
    fi
    echo "$triple: a planted error, none on the host, fails the check, as it must"
}

on aarch64-linux-android std 'could not find `linux` in `os`' "${phone[@]}"
on aarch64-apple-ios std 'could not find `linux` in `os`' "${phone[@]}"
on thumbv7em-none-eabi core,alloc "can't find crate for \`std\`" "${chip[@]}"
