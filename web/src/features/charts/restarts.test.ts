import { describe, expect, it } from "vitest";
import type { Buckets } from "@/api/series";
import { inStepOrder, isBranched, spliced } from "./buckets";
import { mayRestart } from "./restarts";

/** Buckets as [first step, last step, time of the last point, points]. */
function series(rows: [number, number, number, number][]): Buckets {
  const column = (at: 0 | 1 | 2 | 3) => Float64Array.from(rows, (row) => row[at]);
  const times = column(2);
  return {
    runId: "r",
    key: "k",
    series: ["k", "", "", ""],
    steps: column(0),
    lastSteps: column(1),
    timestamps: times,
    min: times,
    max: times,
    mean: times,
    last: times,
    counts: column(3),
  };
}

describe("series that may hold several branches", () => {
  it("are those whose times run back", () => {
    expect(
      mayRestart(
        series([
          [0, 9, 9, 10],
          [10, 19, 120, 20],
          [20, 29, 29, 10],
        ]),
      ),
    ).toBe(true);
  });
  it("are those with more points than their steps have room for", () => {
    expect(
      mayRestart(
        series([
          [0, 9, 9, 10],
          [10, 19, 120, 20],
          [20, 29, 130, 20],
        ]),
      ),
    ).toBe(true);
    expect(
      mayRestart(
        series([
          [0, 90, 9, 10],
          [100, 190, 120, 20],
          [200, 290, 130, 20],
        ]),
      ),
    ).toBe(true);
    expect(
      mayRestart(
        series([
          [0, 0, 9, 2],
          [10, 10, 120, 2],
        ]),
      ),
    ).toBe(true);
  });
  it("are not those that are logged each so many steps", () => {
    expect(
      mayRestart(
        series([
          [0, 9, 9, 10],
          [10, 19, 19, 10],
          [20, 22, 22, 3],
        ]),
      ),
    ).toBe(false);
    expect(
      mayRestart(
        series([
          [0, 90, 9, 10],
          [100, 180, 18, 9],
          [190, 280, 28, 10],
        ]),
      ),
    ).toBe(false);
    expect(mayRestart(series([[0, 0, 9, 50]]))).toBe(false);
  });
});

describe("branches", () => {
  const branches = series([
    [0, 9, 9, 10],
    [10, 19, 19, 10],
    [5, 9, 105, 5],
    [10, 14, 110, 5],
  ]);
  it("stand one after the other, and are one where values are looked up by step", () => {
    expect(isBranched(branches)).toBe(true);
    const joint = inStepOrder(branches);
    expect([...joint.steps]).toEqual([0, 10]);
    expect([...joint.lastSteps]).toEqual([9, 19]);
    expect([...joint.counts]).toEqual([15, 15]);
    expect([...joint.max]).toEqual([105, 110]);
    expect(joint.mean[0]).toBeCloseTo((9 * 10 + 105 * 5) / 15);
    expect([...branches.counts]).toEqual([10, 10, 5, 5]);
  });
  it("are spliced with what is fine, each in its place", () => {
    const fine = series([
      [5, 6, 6, 2],
      [7, 8, 8, 2],
      [5, 6, 106, 2],
    ]);
    const joint = spliced(branches, fine);
    expect([...joint.timestamps]).toEqual([6, 8, 19, 106, 110]);
    expect([...joint.steps]).toEqual([5, 7, 10, 5, 10]);
  });
});
