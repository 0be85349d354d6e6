import { describe, expect, it } from "vitest";
import { densities, quantile, spreadOf } from "@/charts/box";
import { binned, interpolated, samplesOf } from "@/charts/contour";
import {
  brushAt,
  brushed,
  keeps,
  NO_VALUE,
  nearestLine,
  parallelAxis,
  parallelLayout,
} from "@/charts/parallel";
import { inside } from "@/charts/scatter";
import { scaleOf, shareOf, ticksOf } from "@/charts/scatterScale";
import { guessLess, paretoFront, regression } from "./statistics";

describe("regression", () => {
  it("finds a line, and leaves out what is no number", () => {
    const line = regression([0, 1, 2, Number.NaN, null], [1, 3, 5, 9, 9]);
    expect(line?.slope).toBeCloseTo(2);
    expect(line?.intercept).toBeCloseTo(1);
    expect(line?.r2).toBeCloseTo(1);
    expect(line?.count).toBe(3);
  });
  it("has none through one point or a wall", () => {
    expect(regression([1], [1])).toBeNull();
    expect(regression([2, 2], [1, 5])).toBeNull();
  });
});

describe("Pareto front", () => {
  it("keeps what nobody beats in both", () => {
    expect(paretoFront([1, 2, 3, 2], [3, 2, 1, 1], { x: false, y: false }).sort()).toEqual([0, 1, 2]);
    expect(paretoFront([1, 2, 3, 2], [3, 2, 1, 1], { x: true, y: true }).sort()).toEqual([0, 3]);
  });
  it("knows metrics of which less is better", () => {
    expect(guessLess("val/loss")).toBe(true);
    expect(guessLess("accuracy")).toBe(false);
  });
});

describe("scales", () => {
  it("places numbers, logarithms and categories", () => {
    expect(shareOf(scaleOf([0, 10]), 2.5)).toBeCloseTo(0.25);
    expect(shareOf(scaleOf([0.01, 100], true), 1)).toBeCloseTo(0.5);
    expect(scaleOf([0, 10], true).log).toBe(false);
    expect(shareOf(scaleOf(["a", "b"]), "b")).toBeCloseTo(0.75);
    expect(shareOf(scaleOf([1, 2]), Number.NaN)).toBeNaN();
    expect(scaleOf(["run10", "run9"]).categories).toEqual(["run9", "run10"]);
  });
  it("are logarithmic by themselves only where values crowd at the low end", () => {
    expect(scaleOf([1e-4, 1e-3, 1e-2, 0.3], "auto").log).toBe(true);
    expect(scaleOf([1e-4, 0.3, 0.5, 0.9], "auto").log).toBe(false);
    expect(scaleOf([0, 1e-3, 0.3], "auto").log).toBe(false);
  });
  it("has round ticks within its ends", () => {
    expect(ticksOf(scaleOf([0, 1]), 5).map((tick) => tick.label)).toEqual([
      "0",
      "0.2",
      "0.4",
      "0.6",
      "0.8",
      "1",
    ]);
    for (const tick of ticksOf(scaleOf([3e-5, 0.2], true), 6))
      expect(tick.share).toBeGreaterThanOrEqual(-1e-9);
  });
});

describe("parallel axes", () => {
  const rate = parallelAxis("p:lr", "lr", [1, 2, 3, null]);
  const model = parallelAxis("p:model", "model", ["a", "b", "a", "b"]);
  it("keeps runs inside all brushes", () => {
    expect(brushed([rate, model], undefined)).toBeNull();
    expect([...(brushed([rate, model], { "p:lr": [1.5, 3] }) ?? [])]).toEqual([0, 1, 1, 0]);
    expect([...(brushed([rate, model], { "p:lr": [1.5, 3], "p:model": ["a"] }) ?? [])]).toEqual([0, 0, 1, 0]);
    expect(keeps([0, 1], "0.5")).toBe(false);
  });
  it("turns a stretch into numbers or categories", () => {
    expect(brushAt(rate.scale, 0.5, 0)).toEqual([1, 2]);
    expect(brushAt(model.scale, 0.6, 0.9)).toEqual(["b"]);
  });
  it("gives lines of a category places of their own, and none to what is missing", () => {
    expect(rate.heights[3]).toBe(NO_VALUE);
    expect(model.heights[0]).not.toBe(model.heights[2]);
  });
  it("finds the line under the pointer", () => {
    const layout = parallelLayout(2, 400, 300);
    const y = layout.bottom - (rate.heights[1] ?? 0) * (layout.bottom - layout.top);
    expect(nearestLine([rate, model], layout, { x: layout.x[0] ?? 0, y }, null)).toBe(1);
  });
});

describe("shapes", () => {
  it("tells what a lasso catches", () => {
    const square = [
      { x: 0, y: 0 },
      { x: 4, y: 0 },
      { x: 4, y: 4 },
      { x: 0, y: 4 },
    ];
    expect(inside({ x: 1, y: 3 }, square)).toBe(true);
    expect(inside({ x: 5, y: 3 }, square)).toBe(false);
  });
  it("sums up values", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    const spread = spreadOf("a", "red", [1, 2, 3, 4, 100]);
    expect(spread.outliers).toEqual([100]);
    expect(spread.high).toBe(4);
    expect(Math.max(...densities(scaleOf([0, 1]), [0.5]))).toBeGreaterThan(0.9);
  });
  it("bins and fills a plane", () => {
    const frame = { x: scaleOf([0, 1]), y: scaleOf([0, 1]), xName: "x", yName: "y" };
    const samples = samplesOf(frame, { x: [0, 1, null], y: [0, 1, 1], z: [2, 4, 9] });
    const cells = binned(samples, 2, 2);
    expect([...cells.counts]).toEqual([1, 0, 0, 1]);
    const heights = interpolated(samples, 2, 2);
    expect(heights[1]).toBeCloseTo(3);
  });
});
