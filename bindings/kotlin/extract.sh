#!/bin/sh
# Makes the project of a document: extract.sh DOCUMENT FOLDER. A block of Kotlin begins with `// Name.kt`, or goes on with the last one; one of
# XML with `<!-- name.xml -->`.
set -eu
rm -rf "$2"
mkdir -p "$2/src/host"
awk -v folder="$2" '
    function fail(why) { print why > "/dev/stderr"; exit 1 }
    /^```[a-z]/ && !/^```(kotlin|xml|text)$/ { fail("a fence that nothing is made of: " $0) }
    /^```kotlin$/ { inside = 1; first = 1; next }
    /^```xml$/ { inside = 1; first = 1; file = ""; next }
    /^```$/ && inside { inside = 0; next }
    inside && first && /^\/\/ [A-Za-z]+\.kt$/ { file = folder "/src/host/" $2; first = 0; next }
    inside && first && /^<!-- [a-z]+\.xml -->$/ { file = folder "/" $2; first = 0; next }
    inside && file == "" { fail("a block that no file goes on with: " $0) }
    inside { if (first) print "" > file; first = 0; print > file }
' "$1"
