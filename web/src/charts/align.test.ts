import { describe, expect, it } from "vitest";
import { aggregate, commonPlaces, lowerBound, quantile, resample, valueAt } from "./align";

const curve = (x: number[], y: number[]) => ({ x: Float64Array.from(x), y: Float64Array.from(y) });

describe("alignment", () => {
  it("interpolates between neighbours and never beyond the ends", () => {
    const line = curve([0, 10, 20], [0, 100, 0]);
    expect(valueAt(line, 5)).toBe(50);
    expect(valueAt(line, 10)).toBe(100);
    expect(valueAt(line, -1)).toBeNaN();
    expect(valueAt(line, 21)).toBeNaN();
    expect([...resample(line, Float64Array.of(-1, 0, 5, 15, 20, 21))]).toEqual([
      Number.NaN,
      0,
      50,
      50,
      0,
      Number.NaN,
    ]);
    expect([...resample(line, Float64Array.of(15, 25, 5, 15))]).toEqual([50, Number.NaN, 50, 50]);
  });

  it("finds the first place that isn't before a value", () => {
    const x = Float64Array.of(1, 3, 3, 7);
    expect([0, 1, 2, 3, 4, 8].map((at) => lowerBound(x, at))).toEqual([0, 0, 1, 1, 3, 4]);
  });

  it("keeps places of few points and spreads many evenly", () => {
    expect([...commonPlaces([curve([0, 2], [0, 0]), curve([1, 2], [0, 0])], 10)]).toEqual([0, 1, 2]);
    const many = curve(
      Array.from({ length: 1000 }, (_, i) => i),
      Array(1000).fill(1),
    );
    const places = commonPlaces([many], 100);
    expect(places.length).toBe(100);
    expect([places[0], places[99]]).toEqual([0, 999]);
  });

  it("says how many runs reach each place, with mean, deviation and quantiles", () => {
    const group = aggregate([curve([0, 1, 2], [1, 1, 1]), curve([0, 1], [3, 3])], "mean", "sd");
    expect([...group.n]).toEqual([2, 2, 1]);
    expect([...group.y]).toEqual([2, 2, 1]);
    expect(group.high[0]! - group.y[0]!).toBeCloseTo(Math.SQRT2);
    expect(group.high[2]).toBe(1);
    const spread = aggregate([curve([0], [1]), curve([0], [5]), curve([0], [9])], "median", "minmax");
    expect([spread.y[0], spread.low[0], spread.high[0]]).toEqual([5, 1, 9]);
  });

  it("leaves values that are no numbers out", () => {
    const group = aggregate([curve([0, 1], [Number.NaN, 2]), curve([0, 1], [4, 4])], "mean", "quantile");
    expect([...group.n]).toEqual([1, 2]);
    expect(group.y[0]).toBe(4);
  });

  it("computes quantiles between neighbours", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
