#!/bin/sh
# Comparisons of secrets under valgrind. Installs it where that is possible, else says what is missing.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v valgrind >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y -q valgrind >/dev/null
    else
        echo "test-valgrind: valgrind is missing (Debian: apt-get install valgrind)" >&2
        exit 1
    fi
fi
program=$(cargo build --locked -q -p ushield-secrets --bin constant_time --message-format json |
    sed -n 's/.*"executable":"\([^"]*constant_time\)".*/\1/p')
exec valgrind --quiet --error-exitcode=0 --suppressions=tests/secrets/outcomes.supp "$program"
