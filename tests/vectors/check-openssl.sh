#!/bin/sh
# Checks every signature, certificate request and X.509 chain of the vectors with the openssl command.
# Usage: ./check-openssl.sh [vectors-2026-11-22.json]     needs: python3 (its standard library only), openssl
set -eu
here=$(cd "$(dirname "$0")" && pwd)
vectors=${1:-$here/vectors-2026-11-22.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Splits the JSON into files, with DER built here from the bytes alone.
python3 - "$vectors" "$work" <<'PYTHON'
import json, pathlib, sys

vectors, work = json.load(open(sys.argv[1], encoding="utf-8")), pathlib.Path(sys.argv[2])
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")

def integer(data):
    data = data.lstrip(b"\0") or b"\0"
    return bytes([2, len(data) + (data[0] >> 7)]) + b"\0" * (data[0] >> 7) + data

def der(signature):
    body = integer(signature[:32]) + integer(signature[32:])
    return bytes([0x30, len(body)]) + body

def spki(point):
    x = int.from_bytes(point[1:], "big")
    y = pow((x**3 - 3 * x + B) % P, (P + 1) // 4, P)
    y = y if y % 2 == point[0] % 2 else P - y
    return SPKI + b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

def write(name, data):
    (work / name).write_bytes(data)

lines = []
for label, key in vectors["keys"].items():
    write(f"{label}.spki", spki(bytes.fromhex(key["public"])))
    write(f"{label}.scalar", bytes.fromhex("30310201010420" + key["private"] + "a00a06082a8648ce3d030107"))
for index, made in enumerate(vectors["statements"]):
    signature = bytes.fromhex(made["signature"])
    assert made["cose"].endswith("5840" + made["signature"]) and made["payload"] in made["cose"]
    assert made["payload"] in made["to_be_signed"] and made["tag"].encode().hex() in made["to_be_signed"]
    assert int.from_bytes(signature[32:], "big") <= 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
    write(f"{index}.signed", bytes.fromhex(made["to_be_signed"]))
    write(f"{index}.signature", der(signature))
    lines.append(f"{index} {made['key']} {made['hash']}")
    write(f"{index}.payload", bytes.fromhex(made["payload"]))
    if made["tag"] == "USHIELD-ATTEST-v1":
        write(f"{index}.csr", bytes.fromhex(made["fields"]["12"]))
(work / "list").write_text("\n".join(lines) + "\n")
write("root.der", bytes.fromhex(vectors["maker"]["root"]))
for index, certificate in enumerate(vectors["maker"]["chain"]):
    write(f"chain{index}.der", bytes.fromhex(certificate))
write("bank-ca.der", bytes.fromhex(vectors["commands"]["bank_ca"]))
write("own.der", bytes.fromhex(vectors["commands"]["certificate"]))
PYTHON

cd "$work"
count=0
for scalar in *.scalar; do
    label=${scalar%.scalar}
    openssl ec -inform DER -in "$scalar" -pubout -outform DER -out derived 2>/dev/null
    cmp -s derived "$label.spki" || { echo "key $label: public is not that of private"; exit 1; }
done
while read -r index key hash; do
    openssl dgst -sha256 -keyform DER -verify "$key.spki" -signature "$index.signature" "$index.signed" >/dev/null ||
        { echo "statement $index by $key: signature"; exit 1; }
    [ "$(openssl dgst -sha256 -r "$index.payload" | cut -d' ' -f1)" = "$hash" ] || { echo "statement $index: hash"; exit 1; }
    count=$((count + 1))
done < list
for request in *.csr; do
    openssl req -inform DER -in "$request" -verify -noout 2>/dev/null || { echo "$request: self-signature"; exit 1; }
done
for der in root chain0 chain1 bank-ca own; do openssl x509 -inform DER -in $der.der -out $der.pem; done
at=$(python3 -c 'import calendar; print(calendar.timegm((2026, 11, 22, 4, 0, 0)))')
openssl verify -attime "$at" -CAfile root.pem -untrusted chain1.pem chain0.pem >/dev/null
openssl verify -attime "$at" -CAfile bank-ca.pem own.pem >/dev/null
openssl x509 -in chain0.pem -noout -subject
echo "$count signatures and hashes, $(ls ./*.scalar | wc -l) keys, $(ls ./*.csr | wc -l) requests, 2 chains: good"
