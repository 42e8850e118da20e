#!/usr/bin/env bash
# Makes, once, a Rust with the source of its library from Debian's packages, and installs nothing: 140 MB fetched, 870 MB unpacked.
#
# Usage: toolchain.sh PREFIX OLDEST     makes PREFIX/bin/cargo and PREFIX/bin/rustc, of Rust OLDEST or newer
set -euo pipefail
wanted=(rustc-web cargo-web rust-web-src libstd-rust-web-dev)
oldest=$2

if ! command -v apt-get >/dev/null; then
    echo "test-targets needs Debian's packages: no apt-get here" >&2
    exit 1
fi
missing=()
for program in cc dpkg-deb flock; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ ${#missing[@]} -gt 0 ]; then
    echo "test-targets needs ${missing[*]} (Debian: gcc libc6-dev, dpkg, util-linux)" >&2
    exit 1
fi

# One at a time. `complete` is written last: by which recipe, how many files and how many bytes.
prefix=$(mkdir -p "$1" && cd "$1" && pwd)
exec 9>"$prefix/lock"
flock 9
recipe=$(sha256sum <"$0" | cut -c1-12)
measure() { find "$prefix/root" "$prefix/bin" -type f -printf '%s\n' | awk -v recipe="$recipe" '{ sum += $1 } END { print recipe, NR, sum }'; }
if [ -e "$prefix/complete" ] && [ "$(cat "$prefix/complete")" = "$(measure 2>/dev/null)" ]; then
    exit 0
fi
if [ -n "$(ls -A --ignore=lock "$prefix")" ]; then
    echo "toolchain: what is there is not whole, or of another recipe; made anew"
fi
rm -rf "$prefix/complete" "$prefix/apt" "$prefix/root" "$prefix/bin"
mkdir -p "$prefix/apt/lists/partial" "$prefix/apt/cache/archives/partial" "$prefix/root" "$prefix/bin"

# apt with lists and a cache of its own, which takes no root. What the machine has already is not fetched, apart from what is wanted itself.
apt=(-qq -o Dir::State="$prefix/apt" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$prefix/apt/cache"
    -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Acquire::Retries=2)
apt-get "${apt[@]}" update
version=$(apt-cache "${apt[@]}" policy rustc-web | awk '$1 == "Candidate:" { print $2 }')
if ! dpkg --compare-versions "${version:-0}" ge "$oldest"; then
    echo "test-targets needs Debian's rustc-web $oldest or newer, of bookworm-security or trixie: here it is ${version:-nowhere}" >&2
    exit 1
fi
apt-get "${apt[@]}" install --reinstall --download-only --yes --no-install-recommends "${wanted[@]}" >/dev/null
fetched=$(du -sm "$prefix/apt/cache/archives" | cut -f1)
for package in "$prefix"/apt/cache/archives/*.deb; do dpkg-deb --extract "$package" "$prefix/root"; done
rm -r "$prefix/apt"

# Where they are found beside the program, the folder may be moved.
libraries=$(cd "$prefix/root" && find . -name '*.so*' -not -path '*/rustlib/*' -printf '$root/%h\n' | sort -u | paste -sd:)
for program in cargo rustc; do
    cat >"$prefix/bin/$program" <<WRAPPER
#!/bin/sh
root=\${0%/bin/*}/root
LD_LIBRARY_PATH=$libraries exec "\$root/usr/bin/$program" "\$@"
WRAPPER
    chmod +x "$prefix/bin/$program"
done
"$prefix/bin/cargo" --version >/dev/null
"$prefix/bin/rustc" --version >/dev/null
measure >"$prefix/complete"
echo "toolchain: Debian's rustc-web $version, $fetched MB fetched"
