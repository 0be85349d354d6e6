import { describe, expect, it } from "vitest";
import { countLines } from "./density";

const line = (y: number[]) => ({ x: Float64Array.from(y, (_, i) => i), y: Float64Array.from(y) });

describe("density", () => {
  it("counts each line once per cell that it crosses", () => {
    const found = countLines(
      [line([0, 0, 0]), line([0, 2, 0])],
      3,
      3,
      (column) => column,
      (value) => value,
    );
    expect([...found.counts]).toEqual([2, 1, 2, 0, 1, 1, 0, 1, 0]);
    expect(found.most).toBe(2);
  });

  it("leaves out holes and what is outside", () => {
    const found = countLines(
      [line([Number.NaN, 9, Number.POSITIVE_INFINITY])],
      3,
      3,
      (column) => column,
      (value) => value,
    );
    expect(found.most).toBe(0);
  });
});
