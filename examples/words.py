"""words.py - a real program for the demo: makes text, counts its words, sorts, packs and unpacks them."""
import collections
import json
import re
import sys
import time
import zlib

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0


def text(seed, n):
    words = []
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        words.append("w%d" % (seed // 65536 % 5000))
    return " ".join(words)


def count(page):
    return collections.Counter(re.findall(r"[a-z]\d+", page))


def pack(counted):
    return zlib.compress(json.dumps(counted, sort_keys=True).encode(), 6)


def unpack(packed):
    return json.loads(zlib.decompress(packed))


def main():
    seed, total = 1, collections.Counter()
    while time.process_time() < seconds:
        total.update(unpack(pack(count(text(seed, 20000)))))
        seed += 1
    print(seed, "pages,", len(total), "words, the commonest", total.most_common(1)[0][0])


main()
