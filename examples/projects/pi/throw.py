"""Throw points at a square, and count those within the circle in it."""

import random
import sys

points, seed = map(int, sys.argv[1:])
random.seed(seed)
hits = sum(random.random() ** 2 + random.random() ** 2 < 1 for _ in range(points))
print(f"pi is near {4 * hits / points:.4f}")
