import { describe, expect, it } from "vitest";
import { backward, extent, forward, kneeOf, padded, SCALES, withoutOutliers, zoomed } from "./ranges";

describe("ranges", () => {
  it("leads back from each scale", () => {
    for (const scale of SCALES) {
      for (const value of [0.001, 1, 250]) {
        expect(backward(scale, 0.01)(forward(scale, 0.01)(value))).toBeCloseTo(value, 9);
      }
    }
    expect(backward("symlog", 0.1)(forward("symlog", 0.1)(-5))).toBeCloseTo(-5);
  });

  it("ignores what is no number, and what a logarithm can't show", () => {
    expect(extent([[1, Number.NaN, Number.POSITIVE_INFINITY, -2]])).toEqual([-2, 1]);
    expect(extent([[1, 0, -2]], true)).toEqual([1, 1]);
    expect(extent([[Number.NaN]])).toBeNull();
  });

  it("cuts outliers by percentile", () => {
    const values = [...Array.from({ length: 98 }, (_, i) => i), 1e9, -1e9];
    expect(withoutOutliers([values], 1)).toEqual([0, 97]);
    expect(withoutOutliers([[5]], 5)).toEqual([5, 5]);
  });

  it("gives air, and a single value a range", () => {
    expect(padded([3, 3], "linear", 1)[0]).toBeLessThan(3);
    expect(padded([3, 3], "log", 1)).toEqual([1.5, 6]);
    expect(padded(null, "linear", 1)).toEqual([0, 1]);
    expect(padded([0, 0], "linear", 1)[1]).toBeGreaterThan(0);
    expect(padded([1e308, 1.7e308], "linear", 1).every(Number.isFinite)).toBe(true);
  });

  it("zooms around a place", () => {
    expect(zoomed([0, 100], 50, 0.5, "linear", 1)).toEqual([25, 75]);
    expect(zoomed([0, 100], 0, 0.5, "linear", 1)).toEqual([0, 50]);
  });

  it("turns symlog at small values", () => {
    expect(kneeOf([[0, 0.02, 300]])).toBeCloseTo(0.01);
    expect(kneeOf([[0]])).toBe(1);
  });
});
