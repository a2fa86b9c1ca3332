"""Makes known_answers.json: what the uniform source must draw, worked out without bitcap.

ChaCha8 is written out here from Bernstein's "ChaCha, a variant of Salsa20" (2008); BLAKE3 is the
`blake3` package of PyPI. Run by hand: `python known_answers.py > known_answers.json`.
"""

import itertools
import json
import struct

from blake3 import blake3

CONTEXT = "bitcap 2026-11 random stream"


def rotate(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def block(key, counter):
    """The 64 bytes of ChaCha8 for a 32-byte key, a 64-bit counter and nonce zero."""
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start += struct.unpack("<8I", key) + struct.unpack("<2I", struct.pack("<Q", counter))
    start += (0, 0)
    s = list(start)

    def quarter(a, b, c, d):
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF
        s[d] = rotate(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF
        s[b] = rotate(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF
        s[d] = rotate(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF
        s[b] = rotate(s[b] ^ s[c], 7)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(s, start)))


# The published key stream for an all-zero key (draft-strombergson-chacha-test-vectors, TC1).
assert block(bytes(32), 0).hex().startswith(
    "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e"
)


def key_stream(seed, purpose):
    """The bytes of the stream for a seed and a purpose."""
    material = struct.pack("<Q", seed) + purpose.encode()
    key = blake3(material, derive_key_context=CONTEXT).digest()
    return itertools.chain.from_iterable(block(key, i) for i in itertools.count())


def tokens(vocabulary, seed, purpose, count):
    stream = key_stream(seed, purpose)
    if vocabulary & (vocabulary - 1) == 0:
        width = vocabulary.bit_length() - 1
        bits = "".join(f"{byte:08b}" for byte in itertools.islice(stream, -(-count * width // 8)))
        return [int(bits[i * width : (i + 1) * width], 2) for i in range(count)]
    limit = 2**32 // vocabulary * vocabulary
    words = (int.from_bytes(bytes(itertools.islice(stream, 4)), "little") for _ in itertools.count())
    return list(itertools.islice((w % vocabulary for w in words if w < limit), count))


def case(vocabulary, length, samples, seed, purpose):
    drawn = tokens(vocabulary, seed, purpose, samples * length)
    return {
        "vocabulary": vocabulary,
        "length": length,
        "samples": samples,
        "data_seed": seed,
        "stream": purpose,
        "first_tokens": drawn[:8],
        "last_token": drawn[-1],
        "tokens_blake3": blake3(struct.pack(f"<{len(drawn)}H", *drawn)).hexdigest(),
    }


CASES = [
    case(2, 64, 32, 0, "data"),
    case(2, 64, 32, 0, "fresh"),
    case(8, 5, 101, 7, "data"),
    case(2048, 64, 16, 2**63 - 1, "data"),
    case(65536, 16, 32, 12345, "fresh"),
    case(3, 7, 99, 1, "data"),
    case(1000, 64, 16, 2**64 - 1, "data"),
    case(65535, 16, 32, 5, "fresh"),
    # The words number 7148 and 8596 of this stream are thrown away: 2^32 mod 65175 is 65146.
    case(65175, 100, 100, 0, "data"),
]
print(json.dumps(CASES, indent=1))
