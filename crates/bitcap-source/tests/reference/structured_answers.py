"""Makes structured_answers.json: what the structured sources must draw, and the exact code lengths
of what they draw, worked out without bitcap.

Draws follow the published methods with `math` for logarithms; code lengths are exact fractions or
mpmath with 60 digits. ChaCha8 is that of known_answers.py. Run by hand:
`python structured_answers.py > structured_answers.json`.
"""

import contextlib
import io
import json
import math
import struct
from fractions import Fraction
from itertools import combinations, product

import mpmath
from blake3 import blake3

with contextlib.redirect_stdout(io.StringIO()):
    from known_answers import block, CONTEXT

mpmath.mp.dps = 60


class Words:
    """The words of a stream, as a block generator hands them out: whole 32-bit words in order."""

    def __init__(self, seed, purpose):
        material = struct.pack("<Q", seed) + purpose.encode()
        self.key = blake3(material, derive_key_context=CONTEXT).digest()
        self.words, self.counter = [], 0

    def u32(self):
        if not self.words:
            self.words = list(struct.unpack("<16I", block(self.key, self.counter)))
            self.counter += 1
        return self.words.pop(0)

    def u64(self):
        low = self.u32()
        return low | self.u32() << 32

    def fraction(self):
        return self.u64() >> 11

    def below(self, count):
        limit = 2**32 // count * count
        while (word := self.u32()) >= limit:
            pass
        return word % count

    def unit(self):
        return ((self.u64() >> 12) + 0.5) / 2**52

    def normal(self):
        while True:
            x, y = 2 * self.unit() - 1, 2 * self.unit() - 1
            square = x * x + y * y
            if 0 < square < 1:
                return x * math.sqrt(-2 * math.log(square) / square)

    def log_gamma(self, shape):
        if shape < 1:
            above = self.log_gamma(shape + 1)
            return above + math.log(self.unit()) / shape
        d = shape - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            x = self.normal()
            if (root := 1 + c * x) <= 0:
                continue
            v = root**3
            if math.log(self.unit()) < 0.5 * x * x + d * (1 - v + math.log(v)):
                return math.log(d) + math.log(v)

    def fair_bits(self, count):
        bits = []
        while len(bits) < count:
            word = self.u64()
            bits += [word >> place & 1 for place in range(63, -1, -1)][: count - len(bits)]
        return bits


ONE = 2**53


def coin(source, seed, data_seed, samples):
    words = Words(seed, "source")
    point, total = words.fraction(), 0.0
    for prior, p in zip(source["prior"], source["probabilities"]):
        total += prior
        if point < int(total * ONE):
            break
    words = Words(data_seed, "data")
    rows = [[int(words.fraction() < int(p * ONE)) for _ in range(source["length"])] for _ in range(samples)]
    ones = sum(map(sum, rows))
    zeros = samples * source["length"] - ones
    given = lambda p: mpmath.mpf(p) ** ones * (1 - mpmath.mpf(p)) ** zeros
    marginal = sum(mpmath.mpf(w) * given(q) for w, q in zip(source["prior"], source["probabilities"]))
    return rows, given(p), marginal


def dirichlet_rows(words, count, symbols, a):
    rows = []
    for _ in range(count):
        gammas = [mpmath.exp(words.log_gamma(a)) for _ in range(symbols)]
        rows.append([g / sum(gammas) for g in gammas])
    return rows


def pick(words, row):
    point, total = words.fraction(), 0
    for symbol, p in enumerate(row):
        total += p
        if point < int(total * ONE):
            break
    return symbol


def chain(source, seed, data_seed, samples):
    symbols, length, order = source["vocabulary"], source["length"], source.get("order", 0)
    a = source["concentration"]
    rows = dirichlet_rows(Words(seed, "source"), symbols**order, symbols, a)
    words, data = Words(data_seed, "data"), []
    given, urns, marginal = mpmath.mpf(1), {}, mpmath.mpf(1)
    for _ in range(samples):
        row = []
        for at in range(length):
            if at < order:
                row.append(words.below(symbols))
                given /= symbols
                marginal /= symbols
                continue
            context = 0
            for token in row[at - order :]:
                context = context * symbols + token
            token = pick(words, rows[context])
            given *= rows[context][token]
            urn = urns.setdefault(context, [mpmath.mpf(a)] * symbols)
            marginal *= urn[token] / sum(urn)
            urn[token] += 1
            row.append(token)
        data.append(row)
    return data, given, marginal


def hidden_markov(source, seed, data_seed, samples):
    """The third figure is a lower bound of the marginal: variational Bayes (MacKay 1997) with the
    states' distribution given the true parameters."""
    symbols, length, states = source["vocabulary"], source["length"], source["states"]
    a, b = source["transition_concentration"], source["emission_concentration"]
    words = Words(seed, "source")
    transitions = dirichlet_rows(words, states, states, a)
    emissions = dirichlet_rows(words, states, symbols, b)
    words, data = Words(data_seed, "data"), []
    for _ in range(samples):
        state, row = words.below(states), []
        for at in range(length):
            if at > 0:
                state = pick(words, transitions[state])
            row.append(pick(words, emissions[state]))
        data.append(row)
    given, every = mpmath.mpf(1), range(states)
    moves = [[mpmath.mpf(0)] * states for _ in every]
    gives = [[mpmath.mpf(0)] * symbols for _ in every]
    for row in data:
        forward = [[emissions[i][row[0]] / states for i in every]]
        for token in row[1:]:
            forward.append([sum(forward[-1][i] * transitions[i][j] for i in every) * emissions[j][token] for j in every])
        backward = [[mpmath.mpf(1)] * states]
        for token in row[:0:-1]:
            backward.insert(0, [sum(transitions[i][j] * emissions[j][token] * backward[0][j] for j in every) for i in every])
        total = sum(forward[-1])
        given *= total
        for at, token in enumerate(row):
            for i in every:
                gives[i][token] += forward[at][i] * backward[at][i] / total
                if at + 1 < length:
                    for j in every:
                        moves[i][j] += forward[at][i] * transitions[i][j] * emissions[j][row[at + 1]] * backward[at + 1][j] / total
    bound = mpmath.log(given)
    for rows, counts, prior in ((transitions, moves, a), (emissions, gives, b)):
        for row, count in zip(rows, counts):
            whole = mpmath.mpf(prior) * len(row)
            bound += mpmath.loggamma(whole) - mpmath.loggamma(whole + sum(count))
            for p, n in zip(row, count):
                bound += mpmath.loggamma(prior + n) - mpmath.loggamma(prior) - n * mpmath.log(p)
    return data, given, mpmath.exp(bound)


def linear(source, seed, data_seed, samples):
    length, k, m, flip = (source[key] for key in ("length", "inputs", "outputs", "flip"))
    words = Words(seed, "source")
    rows = [words.fair_bits(k) for _ in range(m)]
    words, data = Words(data_seed, "data"), []
    for _ in range(samples):
        bits = words.fair_bits(length - m)
        for row in rows:
            right = sum(a & b for a, b in zip(row, bits)) & 1
            bits.append(right ^ int(flip > 0 and words.fraction() < int(flip * ONE)))
        data.append(bits)

    def of(row, j):
        wrong = sum((sum(a & b for a, b in zip(row, x)) & 1) != x[length - m + j] for x in data)
        return Fraction(flip) ** wrong * (1 - Fraction(flip)) ** (samples - wrong)

    uniform = Fraction(1, 2 ** (samples * (length - m)))
    given = marginal = uniform
    for j in range(m):
        given *= of(rows[j], j)
        marginal *= sum(of(row, j) for row in product((0, 1), repeat=k)) / 2**k
    number = lambda f: mpmath.mpf(f.numerator) / f.denominator
    return data, number(given), number(marginal)


def floyd(words, size, of):
    chosen = set()
    for last in range(of - size, of):
        number = words.below(last + 1)
        chosen.add(last if number in chosen else number)
    return sorted(chosen)


def parity(source, seed, data_seed, samples):
    n, k, flip = source["inputs"], source["subset"], source["flip"]
    subset = floyd(Words(seed, "source"), k, n)
    words, data = Words(data_seed, "data"), []
    for _ in range(samples):
        bits = words.fair_bits(n)
        right = sum(bits[i] for i in subset) & 1
        data.append(bits + [right ^ int(flip > 0 and words.fraction() < int(flip * ONE))])

    def of(subset):
        wrong = sum((sum(x[i] for i in subset) & 1) != x[n] for x in data)
        return Fraction(flip) ** wrong * (1 - Fraction(flip)) ** (samples - wrong)

    each = [of(subset) for subset in combinations(range(n), k)]
    uniform = Fraction(1, 2 ** (samples * n))
    number = lambda f: mpmath.mpf(f.numerator) / f.denominator
    return data, number(uniform * of(subset)), number(uniform * sum(each) / len(each))


def addition(source, seed, data_seed, samples):
    n, base = source["digits"], source["base"]
    words, data = Words(data_seed, "data"), []
    for _ in range(samples):
        digits = [words.below(base) for _ in range(2 * n)]
        value = lambda part: sum(digit * base**i for i, digit in enumerate(part))
        total = value(digits[:n]) + value(digits[n:])
        data.append(digits + [total // base**i % base for i in range(n + 1)])
    given = mpmath.mpf(base) ** (-2 * n * samples)
    return data, given, given


def copying(source, seed, data_seed, samples):
    n, symbols, noise = source["string_length"], source["vocabulary"] - 1, source["noise"]
    words, data, given = Words(data_seed, "data"), [], mpmath.mpf(1)
    for _ in range(samples):
        string = [words.below(symbols) for _ in range(n)]
        copy = []
        for token in string:
            replaced = noise > 0 and words.fraction() < int(noise * ONE)
            copy.append(words.below(symbols) if replaced else token)
            given *= mpmath.mpf(noise) / symbols + (1 - mpmath.mpf(noise) if copy[-1] == token else 0)
        given /= symbols**n
        data.append(string + [symbols] + copy)
    return data, given, given


def spell(number, symbols, length):
    return [number // symbols**i % symbols for i in range(length - 1, -1, -1)]


def facts(source, seed, data_seed, samples):
    count, n, attributes, chunks, length, diversity, symbols = (
        source[key] for key in ("names", "name_length", "attributes", "chunks", "chunk_length", "diversity", "symbols")
    )
    words = Words(seed, "source")
    names = floyd(words, count, symbols**n)
    sets = [floyd(words, diversity, symbols**length) for _ in range(attributes)]
    values = [[[words.below(diversity) for _ in range(chunks)] for _ in range(attributes)] for _ in range(count)]
    words, data, log2 = Words(data_seed, "data"), [], 0
    known, named, seen = set(), 0, [set() for _ in range(attributes)]
    for _ in range(samples):
        name, attribute = words.below(count), words.below(attributes)
        value = [sets[attribute][i] for i in values[name][attribute]]
        data.append(spell(names[name], symbols, n) + [symbols + attribute] + sum((spell(v, symbols, length) for v in value), []))
        # Sequentially: a name or chunk is one that was seen, or one of those that were not.
        if name in {pair[0] for pair in known}:
            log2 -= mpmath.log(count, 2)
        else:
            log2 += mpmath.log(mpmath.mpf(count - named) / count / (symbols**n - named), 2)
            named += 1
        log2 -= mpmath.log(attributes, 2)
        if (name, attribute) in known:
            continue
        known.add((name, attribute))
        for v in value:
            d = len(seen[attribute])
            if v in seen[attribute]:
                log2 -= mpmath.log(diversity, 2)
            else:
                log2 += mpmath.log(mpmath.mpf(diversity - d) / diversity / (symbols**length - d), 2)
                seen[attribute].add(v)
    return data, mpmath.mpf(count * attributes) ** -samples, mpmath.mpf(2) ** log2


def grammar(source, seed, data_seed, samples):
    """The third figure is a lower bound of the marginal: the part of all grammars that derive the data
    as the true one does, but for the names of symbols."""
    v, depth, c, r, a = (source[key] for key in ("vocabulary", "depth", "children", "rules", "concentration"))
    words, levels = Words(seed, "source"), []
    for _ in range(depth):
        strings = floyd(words, v * r, v**c)
        order = list(range(v * r))
        for last in range(v * r - 1, 0, -1):
            other = words.below(last + 1)
            order[last], order[other] = order[other], order[last]
        levels.append((dict(zip(order, strings)), dirichlet_rows(words, v, r, a)))
    words, data, given = Words(data_seed, "data"), [], mpmath.mpf(v) ** -samples
    uses = [{} for _ in levels]
    for _ in range(samples):
        symbols = [words.below(v)]
        for level in range(depth - 1, -1, -1):
            makes, rows = levels[level]
            below = []
            for symbol in symbols:
                rule = pick(words, rows[symbol])
                given *= rows[symbol][rule]
                uses[level].setdefault(symbol, [0] * r)[rule] += 1
                below += spell(makes[symbol * r + rule], v, c)
            symbols = below
        data.append(symbols)
    bound = mpmath.mpf(v) ** -samples
    for level in uses:
        used = 0
        for count in level.values():
            k = sum(n > 0 for n in count)
            bound *= mpmath.ff(r, k) / mpmath.rf(mpmath.mpf(a) * r, sum(count))
            for n in count:
                bound *= mpmath.rf(a, n)
            used += k
        bound *= mpmath.ff(v, len(level)) / mpmath.ff(v**c, used)
    return data, given, bound


KINDS = {"coin": coin, "unigram": chain, "markov": chain, "hidden_markov": hidden_markov, "linear": linear, "parity": parity, "addition": addition, "copying": copying, "facts": facts, "grammar": grammar}
# Of these the marginal is a bound.
BOUNDED = ["hidden_markov", "grammar"]


def case(source, data_seed, samples):
    rows, given, marginal = KINDS[source["kind"]](source, source["seed"], data_seed, samples)
    tokens = [token for row in rows for token in row]
    return {
        "source": source,
        "data_seed": data_seed,
        "samples": samples,
        "first_tokens": tokens[:8],
        "tokens_blake3": blake3(struct.pack(f"<{len(tokens)}H", *tokens)).hexdigest(),
        "source_bits": float(-mpmath.log(given, 2)),
        "entropy_bound_bits" if source["kind"] in BOUNDED else "entropy_bits": float(-mpmath.log(marginal, 2)),
    }


TOY = {"kind": "coin", "length": 16, "prior": [0.5, 0.5], "probabilities": [0.1, 0.9]}
CASES = [
    case({**TOY, "seed": 0}, 0, 20),
    case({**TOY, "seed": 2**63}, 3, 500),
    case({"kind": "coin", "length": 3, "prior": [0.25, 0.5, 0.25], "probabilities": [0.2, 0.5, 0.7], "seed": 4}, 1, 77),
    case({"kind": "unigram", "vocabulary": 100, "length": 32, "concentration": 1.0, "seed": 1}, 2, 50),
    case({"kind": "unigram", "vocabulary": 7, "length": 9, "concentration": 0.05, "seed": 1}, 5, 60),
    case({"kind": "markov", "vocabulary": 5, "length": 20, "order": 2, "concentration": 0.5, "seed": 6}, 7, 60),
    case({"kind": "markov", "vocabulary": 30, "length": 33, "order": 1, "concentration": 3.5, "seed": 8}, 9, 40),
    case({"kind": "linear", "length": 24, "inputs": 8, "outputs": 5, "flip": 0.0, "seed": 10}, 11, 5),
    case({"kind": "linear", "length": 24, "inputs": 8, "outputs": 5, "flip": 0.0, "seed": 10}, 11, 50),
    case({"kind": "linear", "length": 80, "inputs": 9, "outputs": 3, "flip": 0.1, "seed": 12}, 13, 100),
    case({"kind": "hidden_markov", "vocabulary": 6, "length": 12, "states": 3, "transition_concentration": 0.3, "emission_concentration": 0.8, "seed": 14}, 15, 30),
    case({"kind": "hidden_markov", "vocabulary": 3, "length": 20, "states": 5, "transition_concentration": 2.0, "emission_concentration": 0.1, "seed": 16}, 17, 12),
    case({"kind": "parity", "inputs": 12, "subset": 3, "flip": 0.2, "seed": 18}, 19, 100),
    case({"kind": "parity", "inputs": 70, "subset": 69, "flip": 0.0, "seed": 20}, 21, 10),
    case({"kind": "addition", "base": 10, "digits": 7, "seed": 22}, 23, 40),
    case({"kind": "copying", "vocabulary": 9, "string_length": 12, "noise": 0.25, "seed": 24}, 25, 30),
    case({"kind": "copying", "vocabulary": 100, "string_length": 7, "noise": 0.0, "seed": 26}, 27, 30),
    case({"kind": "facts", "names": 30, "name_length": 3, "attributes": 4, "chunks": 2, "chunk_length": 2, "diversity": 9, "symbols": 11, "seed": 28}, 29, 150),
    case({"kind": "grammar", "vocabulary": 6, "depth": 3, "children": 2, "rules": 3, "concentration": 0.8, "seed": 30}, 31, 60),
]
print(json.dumps(CASES, indent=1))
