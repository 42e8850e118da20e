"""Deterministic CBOR (RFC 8949, 4.2.1) for the shapes of protocol.md section 7, and the parts to build wrong ones from."""


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError(value)


def long_head(major, value, size):
    """A head with its argument in `size` bytes, minimal or not."""
    code = {1: 24, 2: 25, 4: 26, 8: 27}[size]
    return bytes([major << 5 | code]) + value.to_bytes(size, "big")


class Raw(bytes):
    """Bytes that are already encoded."""


def encode(item):
    if isinstance(item, Raw):
        return bytes(item)
    if isinstance(item, bool):
        raise TypeError("the protocol has no simple values")
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        data = item.encode()
        return head(3, len(data)) + data
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, dict):
        return pairs_map(sorted(item.items()))
    raise TypeError(type(item))


def pairs_map(pairs, count=None):
    """A map in the order given, with a head that may lie about the number of pairs."""
    body = b"".join(encode(key) + encode(value) for key, value in pairs)
    return head(5, len(pairs) if count is None else count) + body
