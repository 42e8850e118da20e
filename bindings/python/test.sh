#!/usr/bin/env bash
# Builds the package, installs it into a virtual environment below the target folder, and runs its tests there. With --mobile the whole path
# alone, over the library that an app ships.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
place=$target/python mobile=${1-}
[ "$mobile" = --mobile ] && place=$target/python-mobile
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing python3 python3-venv"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
    else
        echo "test-python needs Python 3.11 or newer with venv (Debian: python3-venv), and root to install it" >&2
        exit 1
    fi
fi

"${CARGO:-cargo}" build --locked -p ushield-bank -p ushield-emulator
bindings/python/package.sh "$place/package" ${mobile:+--mobile}
[ -x "$place/venv/bin/python" ] || python3 -m venv "$place/venv"
python=$place/venv/bin/python
"$python" -m pip install --quiet --force-reinstall "$place/package[lint]"
if [ -n "$mobile" ]; then
    cd bindings/python/tests
    export USHIELD_PROGRAMS=$target/debug
    "$python" -W error::RuntimeWarning -m unittest -v test_example test_process test_many.Many.test_a_new_process_goes_on
    exit
fi
cd bindings/python
"$place/venv/bin/ruff" check --quiet --cache-dir "$place/ruff" .
"$place/venv/bin/ruff" format --check --quiet --cache-dir "$place/ruff" .
"$place/venv/bin/mypy" --config-file pyproject.toml --cache-dir "$place/mypy" -p ushield
"$place/venv/bin/mypy" --config-file pyproject.toml --cache-dir "$place/mypy" example.py

# Most of the time is the token's and the person's: all modules at once, and what measures after them, alone.
cd tests
export USHIELD_PROGRAMS=$target/debug
run() { "$python" -W error::RuntimeWarning -m unittest -v "$1"; }
declare -A running
for file in test_*.py; do
    module=${file%.py}
    [ "$module" = test_cost ] && continue
    run "$module" >"$place/$module.log" 2>&1 &
    running[$module]=$!
done
failed=()
for module in "${!running[@]}"; do
    wait "${running[$module]}" || failed+=("$module")
    echo "-- $module"
    cat "$place/$module.log"
done
echo "-- test_cost"
run test_cost || failed+=(test_cost)
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
