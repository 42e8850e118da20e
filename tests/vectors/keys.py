"""Keys and randomness, all derived from labels: the vectors hold private keys that protect nothing."""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def H(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def random(label, length):
    """Stands where the protocol says random."""
    out = b""
    while len(out) < length:
        out += H(f"ushield vector random: {label}: {len(out)}".encode())
    return out[:length]


def uuid4(label):
    raw = bytearray(random("order id: " + label, 16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


def low_s(r, s):
    return r, min(s, N - s)


class Key:
    def __init__(self, label):
        self.label = label
        self.scalar = int.from_bytes(H(f"ushield vector key: {label}".encode()), "big") % (N - 1) + 1
        self.private = ec.derive_private_key(self.scalar, ec.SECP256R1())
        self.public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        self.key_id = H(self.public)[:16]
        self.short_id = self.key_id[:8]

    def sign(self, message):
        """ES256, deterministic nonce (RFC 6979), low-S."""
        der = self.private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        r, s = low_s(*decode_dss_signature(der))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign_der(self, message):
        raw = self.sign(message)
        return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))

    def agree(self, public):
        """x-coordinate of the shared point; refuses what is not a point of the curve."""
        return self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public))

    def entry(self):
        return {
            "label": self.label,
            "private": self.scalar.to_bytes(32, "big").hex(),
            "public": self.public.hex(),
            "key_id": self.key_id.hex(),
            "short_key_id": self.short_id.hex(),
        }


def high_s(signature):
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + (N - s).to_bytes(32, "big")
