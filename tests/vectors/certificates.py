"""X.509 chains and the certificate request, signed deterministically and low-S."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

from keys import H, low_s

START = datetime.datetime(2026, 1, 1)
END = datetime.datetime(2046, 1, 1)


def der(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


ECDSA_WITH_SHA256 = der(0x30, der(0x06, bytes.fromhex("2a8648ce3d040302")))


def with_low_s(tbs, signature):
    """The certificate or request of these parts, its signature made low-S."""
    signature = encode_dss_signature(*low_s(*decode_dss_signature(signature)))
    return der(0x30, tbs + ECDSA_WITH_SHA256 + der(0x03, b"\0" + signature))


def name(*attributes):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def certificate(subject, key, issuer, issuer_key, ca, path_length=None, start=START, end=END):
    serial = int.from_bytes(H(key.label.encode())[:8], "big") >> 1
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.private.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(usage(ca), critical=True)
        .sign(issuer_key.private, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return with_low_s(made.tbs_certificate_bytes, made.signature)


def usage(ca):
    return x509.KeyUsage(
        digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )


def request(subject, key):
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(
        key.private, hashes.SHA256(), ecdsa_deterministic=True
    )
    return with_low_s(made.tbs_certrequest_bytes, made.signature)


BRAND = "U-Shield Reference"
MAKER_ROOT = name((NameOID.ORGANIZATION_NAME, BRAND), (NameOID.COMMON_NAME, "Maker root"))
MAKER_ISSUER = name((NameOID.ORGANIZATION_NAME, BRAND), (NameOID.COMMON_NAME, "Maker issuer 1"))
BANK_CA = name((NameOID.ORGANIZATION_NAME, "Vector Bank"), (NameOID.COMMON_NAME, "Customer CA"))


def device_name(device_id, brand=BRAND, model="Software U-Shield"):
    return name((NameOID.ORGANIZATION_NAME, brand), (NameOID.COMMON_NAME, model), (NameOID.SERIAL_NUMBER, device_id.hex()))


def subject_of(device_id, role):
    return name((NameOID.COMMON_NAME, role), (NameOID.SERIAL_NUMBER, device_id.hex()))


def maker_chain(device_id, keys):
    """(root, [device certificate, issuer])"""
    root = certificate(MAKER_ROOT, keys["maker-root"], MAKER_ROOT, keys["maker-root"], True)
    issuer = certificate(MAKER_ISSUER, keys["maker-issuer"], MAKER_ROOT, keys["maker-root"], True, 0)
    device = certificate(device_name(device_id), keys["device"], MAKER_ISSUER, keys["maker-issuer"], False)
    return root, [device, issuer]


def bad_chains(device_id, keys):
    """(name, chain) of chains that the maker root does not vouch for, or that break a rule of section 8.6."""
    root, (device, issuer) = maker_chain(device_id, keys)
    stranger = keys["maker-stranger"]
    foreign_root = certificate(MAKER_ROOT, stranger, MAKER_ROOT, stranger, True)
    foreign_issuer = certificate(MAKER_ISSUER, keys["maker-issuer"], MAKER_ROOT, stranger, True, 0)
    no_ca = certificate(MAKER_ISSUER, keys["maker-issuer"], MAKER_ROOT, keys["maker-root"], False)
    device_is_ca = certificate(device_name(device_id), keys["device"], MAKER_ISSUER, keys["maker-issuer"], True)
    other_issuer_name = certificate(device_name(device_id), keys["device"], BANK_CA, keys["maker-issuer"], False)
    no_id = certificate(MAKER_ISSUER, keys["device"], MAKER_ISSUER, keys["maker-issuer"], False)
    upper = name((NameOID.ORGANIZATION_NAME, BRAND), (NameOID.COMMON_NAME, "Software U-Shield"),
                 (NameOID.SERIAL_NUMBER, device_id.hex().upper()))
    upper_id = certificate(upper, keys["device"], MAKER_ISSUER, keys["maker-issuer"], False)
    changed = bytearray(device)
    changed[-1] ^= 1
    return [
        ("empty", []),
        ("issuer-missing", [device]),
        ("wrong-order", [issuer, device]),
        ("foreign-root", [device, foreign_issuer]),
        ("foreign-root-sent", [device, foreign_issuer, foreign_root]),
        ("four-certificates", [device, issuer, root, root]),
        ("issuer-is-no-ca", [device, no_ca]),
        ("device-is-a-ca", [device_is_ca, issuer]),
        ("names-do-not-chain", [other_issuer_name, issuer]),
        ("no-device-id", [no_id, issuer]),
        ("device-id-upper-case", [upper_id, issuer]),
        ("signature-changed", [bytes(changed), issuer]),
        ("trailing-byte", [device + b"\0", issuer]),
        ("signed-by-device", [certificate(device_name(device_id), keys["device"], device_name(device_id), keys["device"], False)]),
    ]


def public_pem(key):
    return key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
