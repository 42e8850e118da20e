"""Noise XX and KK over P-256 as protocol.md section 3 defines them, after revision 34 of the framework."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys import H, mac

DHPUB = 33
PATTERNS = {
    "XX": ("", ["e", "e ee s es", "s se"]),
    "KK": ("s s", ["e es ss", "e ee se"]),
    "XXpsk3": ("", ["e", "e ee s es", "s se psk"]),
}
PROLOGUE = b"USHIELD-CHANNEL" + bytes([1, 1])


def hkdf(chaining_key, material, count):
    temp = mac(chaining_key, material)
    outputs, previous = [], b""
    for index in range(1, count + 1):
        previous = mac(temp, previous + bytes([index]))
        outputs.append(previous)
    return outputs


class Cipher:
    def __init__(self, key):
        self.key, self.n = key, 0

    def _nonce(self):
        nonce = bytes(4) + self.n.to_bytes(8, "big")
        self.n += 1
        return nonce

    def seal(self, plain, ad=b""):
        return AESGCM(self.key).encrypt(self._nonce(), plain, ad)

    def open(self, sealed, ad=b""):
        return AESGCM(self.key).decrypt(self._nonce(), sealed, ad)


class Handshake:
    def __init__(self, pattern, initiator, static, ephemeral, remote_static=None, psk=None):
        name = f"Noise_{pattern}_P256_AESGCM_SHA256".encode()
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else H(name)
        self.ck, self.cipher = self.h, None
        self.initiator, self.s, self.e = initiator, static, ephemeral
        self.rs, self.re, self.psk = remote_static, None, psk
        self.mix_hash(PROLOGUE)
        before, self.messages = PATTERNS[pattern][0], list(PATTERNS[pattern][1])
        if before:
            first, second = (self.s.public, self.rs) if initiator else (self.rs, self.s.public)
            self.mix_hash(first)
            self.mix_hash(second)

    def mix_hash(self, data):
        self.h = H(self.h + data)

    def mix_key(self, material):
        self.ck, key = hkdf(self.ck, material, 2)
        self.cipher = Cipher(key)

    def mix_key_and_hash(self, material):
        self.ck, temp, key = hkdf(self.ck, material, 3)
        self.mix_hash(temp)
        self.cipher = Cipher(key)

    def mix_ephemeral(self, public):
        """Section 9.2 of the framework: with a psk an ephemeral key is mixed into the key as well."""
        self.mix_hash(public)
        if self.psk is not None:
            self.mix_key(public)

    def encrypt_and_hash(self, plain):
        out = self.cipher.seal(plain, self.h) if self.cipher else plain
        self.mix_hash(out)
        return out

    def decrypt_and_hash(self, data):
        out = self.cipher.open(data, self.h) if self.cipher else data
        self.mix_hash(data)
        return out

    def agree(self, token):
        ours, theirs = token if self.initiator else token[::-1]
        key = self.e if ours == "e" else self.s
        self.mix_key(key.agree(self.re if theirs == "e" else self.rs))

    def write(self, payload):
        out = b""
        for token in self.messages.pop(0).split():
            if token == "e":
                out += self.e.public
                self.mix_ephemeral(self.e.public)
            elif token == "psk":
                self.mix_key_and_hash(self.psk)
            elif token == "s":
                out += self.encrypt_and_hash(self.s.public)
            else:
                self.agree(token)
        return out + self.encrypt_and_hash(payload)

    def read(self, message):
        for token in self.messages.pop(0).split():
            if token == "e":
                self.re, message = message[:DHPUB], message[DHPUB:]
                self.mix_ephemeral(self.re)
            elif token == "psk":
                self.mix_key_and_hash(self.psk)
            elif token == "s":
                size = DHPUB + (16 if self.cipher else 0)
                self.rs, message = self.decrypt_and_hash(message[:size]), message[size:]
            else:
                self.agree(token)
        return self.decrypt_and_hash(message)

    def split(self):
        """(sending, receiving) ciphers of this side."""
        assert not self.messages
        first, second = map(Cipher, hkdf(self.ck, b"", 2))
        return (first, second) if self.initiator else (second, first)
