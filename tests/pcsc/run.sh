#!/usr/bin/env bash
# The whole path through a real pcscd and a virtual reader: pairing, PIN, certificate, transfers by one tap and by two, a stranger that
# reads the card. In namespaces of its own, so that no reader of this machine is touched.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1

missing=()
for package in pcscd vsmartcard-vpcd libpcsclite-dev opensc python3 iproute2 util-linux; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "test-pcsc needs these packages of Debian, and root: ${missing[*]}" >&2
        exit 1
    fi
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if [ "$(id -u)" != 0 ]; then
    echo "test-pcsc needs root, for namespaces of its own" >&2
    exit 1
fi

# What no other build looks at.
"${CARGO:-cargo}" clippy --locked -p ushield-links -p ushield-cli --features ushield-cli/pcsc --all-targets -- -D warnings
. tests/build_apart.sh
programs=${CARGO_TARGET_DIR:-target}/pcsc/programs
build_apart ushield-cli/pcsc "$programs"
exec unshare --net --mount -- bash -euc '
    mkdir -p /run/pcscd
    mount -t tmpfs tmpfs /run/pcscd
    ip link set lo up
    pcscd --foreground --critical &
    trap "kill %1" EXIT
    python3 tests/pcsc/drive.py "$1"
' drive "$programs"
