#!/bin/sh
# Writes the Kotlin blocks of a document as sources: extract.sh DOCUMENT FOLDER. A block begins with `// Name.kt`, or goes on with the last one.
set -eu
rm -rf "$2"
mkdir -p "$2"
awk -v folder="$2" '
    /^```kotlin$/ { inside = 1; first = 1; next }
    /^```$/ && inside { inside = 0; next }
    inside && first && /^\/\/ [A-Za-z]+\.kt$/ { file = folder "/" $2; first = 0; next }
    inside { if (first && file != "") print "" > file; first = 0; print > file }
' "$1"
