#!/bin/sh
# Puts the package together in a folder of its own, ready for pip: bindings/python/package.sh OUT [cargo's options].
set -eu
out=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$out"
mkdir -p "$out/generated"
out=$(cd "$out" && pwd)
cp -R "$root/bindings/python/src" "$root/bindings/python/pyproject.toml" "$root/bindings/python/setup.py" "$root/bindings/python/README.md" "$out"
library=$("$root/bindings/generate.sh" python "$out/generated" "$@")
mv "$out/generated/ushield.py" "$out/src/ushield/_ffi.py"
cp "$library" "$out/src/ushield/"
rmdir "$out/generated"
