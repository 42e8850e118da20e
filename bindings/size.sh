#!/bin/sh
# How large the library is in an app, and what its parts are. Fails where it is above its limit, or a tenth above what it was (bindings/size.txt).
set -eu
cd "$(dirname "$0")"
if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ]; then
    echo "bench-size: the figures are for x86-64 Linux, and this is $(uname -s) $(uname -m)" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bytes() { stat -c %s "$1"; }

build() {
    name=$1
    shift
    library=$(./mobile.sh "$@")
    case $library in /*) ;; *) library=../$library ;; esac
    cp "$library" "$work/$name"
    cp "$(dirname "$library")/../$(basename "$library")" "$work/$name.symbols"
}
build without --no-default-features
build with

# Functions and data by crate; what has no symbol (tables of relocations, of unwinding) is the rest.
parts() {
    nm --demangle --print-size "$1" | awk '
        NF > 3 && $3 ~ /[tTrRdDbB]/ {
            name = $4
            sub(/^<+(&mut |&|dyn )*/, "", name)
            sub(/(::|<| ).*/, "", name)
            if (name ~ /^(sqlite3|fts|json|pager|btree|vdbe|unix|pcache|yy)/ || $0 ~ /sqlite|btree|Btree|pager|vdbe|Vdbe|expr|Expr/ && $0 !~ /::/) name = "SQLite (C)"
            else if (name ~ /^uniffi/) name = "uniffi"
            else if (name ~ /^(core|alloc|std|gimli|addr2line|miniz_oxide|rustc_demangle|hashbrown|memchr)$/) name = "std, generics"
            else if (name ~ /^(p256|primeorder|primefield|elliptic_curve|crypto_bigint|ecdsa|sha2|aes|aes_gcm|ghash|polyval|hmac|snow|digest|ctr|cmov|ctutils|rfc6979|sec1|der|spki|x509_cert|const_oid)$/) name = "cryptography, X.509"
            else if (name ~ /^(fluent|unic|intl)/) name = "texts (Fluent)"
            else if (name ~ /^(serde|base64|data_encoding|minicbor)/) name = "JSON, CBOR, base64"
            else if (name ~ /^(tokio|futures)/) name = "tokio, futures"
            else if (name ~ /^ushield/) ;
            else name = "other"
            size = 0
            hex = "0123456789abcdef"
            for (i = 1; i <= length($2); i++) size = size * 16 + index(hex, substr($2, i, 1)) - 1
            sum[name] += size
        }
        END { for (name in sum) printf "  %9d  %s\n", sum[name], name }' | sort -rn
}
echo "parts of the library with its store, bytes of code and data:"
parts "$work/with.symbols"
failed=0
while read -r name was limit; do
    case $name in ''|'#'*) continue ;; esac
    is=$(bytes "$work/$name")
    echo "library $name the store, stripped: $is bytes; was $was, at most $limit"
    if [ "$is" -gt "$limit" ] || [ "$is" -gt $((was + was / 10)) ]; then
        echo "bench-size: too large" >&2
        failed=1
    fi
done <size.txt
echo "the store and SQLite: $(($(bytes "$work/with") - $(bytes "$work/without"))) bytes"
exit $failed
