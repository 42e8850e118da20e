#!/usr/bin/env bash
# The whole path over Bluetooth LE without a radio: the program's own stack and a real BlueZ, in a QEMU guest with Debian's kernel; virtual
# controllers on one air, and the software token as the GATT server at the other. Nothing is installed: packages are unpacked once into
# the target folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    echo "test-ble needs Linux on x86-64: $(uname -s) on $(uname -m) is here" >&2
    exit 1
fi
missing=()
for program in apt-get apt-cache dpkg-deb python3 awk; do command -v "$program" >/dev/null || missing+=("$program"); done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    echo "test-ble needs a Debian with ${missing[*]}" >&2
    exit 1
fi

target=${CARGO_TARGET_DIR:-target}
# A change of the recipe makes everything anew.
prefix=$(mkdir -p "$target/ble" && cd "$target/ble" && pwd)/$(sha256sum tests/ble/guest.sh | cut -c1-12)
mkdir -p "$prefix"
started=$SECONDS
timeout 400 tests/ble/guest.sh "$prefix"
echo "guest: $((SECONDS - started)) s"

features=ushield-cli/ble,ushield-emulator/ble
# What no other build looks at.
"${CARGO:-cargo}" clippy --locked -p ushield-links -p ushield-cli -p ushield-emulator --features "$features" --all-targets -- -D warnings
"${CARGO:-cargo}" test --locked -p ushield-links --features ble --lib -- ble::
. tests/build_apart.sh
build_apart "$features" "$target/ble/programs"
exec timeout 500 "$prefix/venv/bin/python" tests/ble/drive.py "$target/ble/programs" "$prefix"
