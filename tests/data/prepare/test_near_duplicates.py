import io
from itertools import combinations

import numpy as np
from PIL import Image, ImageEnhance

from ssgnet_monai.data.phantom import draw_phantom, plan_phantom
from ssgnet_monai.data.prepare.near_duplicates import MAX_BITS, near_pairs, perceptual_hash


def bits(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_altered_copies_are_near_and_other_photographs_are_not():
    plans = plan_phantom((6, 6), seed=0)
    photographs = [draw_phantom(plan, index, 96, 0)[0] for index, plan in enumerate(plans)]
    hashes = [perceptual_hash(values) for values in photographs]
    for values, expected in zip(photographs, hashes, strict=True):
        picture, stream = Image.fromarray(values), io.BytesIO()
        picture.save(stream, "JPEG", quality=60)
        copies = [
            Image.open(stream),
            picture.resize((57, 57)),
            ImageEnhance.Brightness(picture).enhance(1.1),
            picture.convert("L"),
        ]
        assert max(bits(perceptual_hash(np.asarray(copy)), expected) for copy in copies) <= MAX_BITS
    assert min(bits(one, other) for one, other in combinations(hashes, 2)) > MAX_BITS


def test_sixteen_bits_hash_like_eight():
    values = draw_phantom(plan_phantom((1, 1), 0)[0], 0, 64, 0)[0][..., 0]
    assert bits(perceptual_hash(values), perceptual_hash(values.astype(np.uint16) * 200)) <= 8


def test_pairs_equal_those_of_a_loop_and_stay_within_the_other_side():
    generator = np.random.default_rng(0)
    base = generator.integers(0, 2, (1, 256), np.uint8)
    flipped = (base ^ (generator.random((1300, 256)) < 0.05)).astype(np.uint8)  # more than two blocks
    hashes = [np.packbits(row).tobytes().hex() for row in flipped]
    sides = [
        str(side) for side in generator.choice(["training", "validation", "test"], len(hashes), p=[0.98, 0.01, 0.01])
    ]
    expected = {
        (i, j): bits(hashes[i], hashes[j])
        for i, j in combinations(range(len(hashes)), 2)
        if sides[i] != sides[j] and bits(hashes[i], hashes[j]) <= 18
    }
    assert len(expected) > 50
    pairs, count = near_pairs(hashes, sides, max_bits=18, most=10**6)
    assert {(i, j): difference for i, j, difference in pairs} == expected
    assert count == len(expected)
    assert pairs[0][2] == min(expected.values())
    assert [len(near_pairs(hashes, sides, 18, most=7)[0]), near_pairs(hashes, sides, 18, most=7)[1]] == [7, count]
