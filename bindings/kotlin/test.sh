#!/usr/bin/env bash
# The Kotlin library against the software token and the reference bank, through the generated code. Arguments go to Maven.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v javac >/dev/null || missing+=(default-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "test-kotlin needs a JDK of 17 or newer and Maven; missing here: ${missing[*]} (packages of Debian, installed by root)" >&2
        exit 1
    fi
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

kotlin=bindings/kotlin
rm -rf $kotlin/target/generated $kotlin/target/document
library=$(bindings/generate.sh kotlin $kotlin/target/generated)
"${CARGO:-cargo}" build --locked --quiet -p ushield-bank -p ushield-emulator
programs=$(dirname "$library")
$kotlin/extract.sh docs/integrate-phone.md $kotlin/target/document
mvn -q -B -f $kotlin/pom.xml -Dushield.library="$programs" -Dushield.programs="$programs" "$@" install
# The document's own project, as one begins with it; its program says what it takes.
said=$(mvn -q -B -f $kotlin/target/document/pom.xml compile exec:java 2>&1) && ended=0 || ended=$?
if [ $ended != 2 ] || [[ $said != *"BANK-URL BANK-FOLDER MAKER-FOLDER PORT"* ]]; then
    echo "the project of docs/integrate-phone.md ends with $ended: $said" >&2
    exit 1
fi

# Nothing of Google's own repository may have come in by a mirror: the build would break elsewhere.
repository=$(mvn -q -B -Dstyle.color=never -f $kotlin/pom.xml help:evaluate -Dexpression=settings.localRepository -DforceStdout 2>/dev/null |
    sed 's/\x1b\[[0-9;]*m//g') || repository=
[ -d "$repository" ] || repository=$HOME/.m2/repository
google=$(find "$repository" \( -path '*/androidx/*' -o -path '*/com/android/*' -o -path '*/com/google/android/*' \) \
    \( -name '*.jar' -o -name '*.aar' \) -print -quit)
if [ -n "$google" ]; then
    echo "an artifact of Google's repository is here: $google" >&2
    exit 1
fi
