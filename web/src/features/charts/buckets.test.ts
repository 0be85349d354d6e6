import { describe, expect, it } from "vitest";
import type { Buckets } from "@/api/series";
import { appendBuckets, fewPoints, spliced } from "./buckets";

function series(pairs: [number, number][], counts = 1): Buckets {
  const steps = Float64Array.from(pairs, ([first]) => first);
  const lastSteps = Float64Array.from(pairs, ([, last]) => last);
  return {
    runId: "r",
    key: "k",
    series: ["k", "", "", ""],
    steps,
    lastSteps,
    timestamps: steps,
    min: steps,
    max: steps,
    mean: steps,
    last: steps,
    counts: new Float64Array(pairs.length).fill(counts),
  };
}

const single = (...steps: number[]) => series(steps.map((step) => [step, step]));

describe("buckets", () => {
  it("append what is new and skip what is known", () => {
    const joint = appendBuckets(single(1, 2, 3), single(2, 3, 4, 5));
    expect([...joint!.steps]).toEqual([1, 2, 3, 4, 5]);
    expect([...joint!.mean]).toEqual([1, 2, 3, 4, 5]);
  });

  it("refuse a bucket that reaches across the end", () => {
    expect(appendBuckets(single(1, 2, 3), series([[2, 5]]))).toBeNull();
  });

  it("take the fine part in place of the coarse one", () => {
    const coarse = series([
      [0, 9],
      [10, 19],
      [20, 29],
      [30, 39],
    ]);
    expect([...spliced(coarse, single(12, 14, 22)).steps]).toEqual([0, 12, 14, 22, 30]);
    expect(spliced(coarse, single())).toBe(coarse);
  });

  it("know when there are few enough points to show each", () => {
    expect(fewPoints(series([[0, 9]], 10), 10)).toBe(true);
    expect(fewPoints(series([[0, 9]], 11), 10)).toBe(false);
    expect(fewPoints(single(1, 2), 5)).toBe(false);
  });
});
