import { describe, expect, it } from "vitest";
import type { Buckets } from "@/api/series";
import { parseExpression } from "@/charts/expression";
import { BASELINE_DASH, type BuildRequest, buildLines } from "./build";
import { axisCurves, readAxis } from "./places";

function points(runId: string, key: string, values: number[], startTime = 1000): Buckets {
  const steps = Float64Array.from(values, (_, i) => i);
  const column = Float64Array.from(values);
  return {
    runId,
    key,
    series: [key, "", "", ""],
    steps,
    lastSteps: steps,
    timestamps: steps.map((step) => startTime + step * 2000),
    min: column,
    max: column,
    mean: column,
    last: column,
    counts: steps.map(() => 1),
  };
}

const run = (id: string, group: string | null = null) => ({
  id,
  name: `run ${id}`,
  startTime: 0,
  colour: "#123456",
  dash: [],
  group,
});

function build({ x = "step", ...change }: Partial<BuildRequest> & { x?: string }) {
  const series = change.series ?? [];
  const axis = readAxis(x, ["epoch", "tokens"]);
  return buildLines({
    axis: axis.kind,
    curves: axisCurves(axis, series, change.baseline ?? null),
    dense: false,
    runs: [run("a"), run("b")],
    series: [points("a", "loss", [4, 2, 1]), points("b", "loss", [8, 6, 4])],
    keys: ["loss"],
    right: new Set(),
    expression: null,
    smoothing: "none",
    amount: 0.5,
    baseline: null,
    aggregate: "mean",
    spread: "sd",
    groupColour: () => "#654321",
    ...change,
  });
}

describe("lines of a panel", () => {
  it("lie by step, time since the start, time of day, or another metric", () => {
    expect([...build({}).lines[0]!.x]).toEqual([0, 1, 2]);
    expect([...build({ x: "relative" }).lines[0]!.x]).toEqual([1, 3, 5]);
    expect([...build({ x: "wall" }).lines[0]!.x]).toEqual([1000, 3000, 5000]);
    const epochs = points("a", "epoch", [0, 10, 20]);
    const { lines } = build({ x: "m:epoch", series: [points("a", "loss", [4, 2, 1]), epochs] });
    expect([...lines[0]!.x]).toEqual([0, 10, 20]);
  });

  it("lie at what an expression says, also of the baseline, and nowhere beyond its metrics", () => {
    const series = [
      points("a", "loss", [4, 2, 1, 1]),
      points("a", "tokens", [0, 2e6, 4e6]),
      points("b", "loss", [8, 6, 4]),
      points("b", "tokens", [0, 1e6, 2e6]),
    ];
    const { lines } = build({ x: "e:tokens/1e6", series });
    expect(lines.map((line) => [...line.x])).toEqual([
      [0, 2, 4],
      [0, 1, 2],
    ]);
    const far = build({ x: "e:tokens - base(tokens)", series, baseline: "b" });
    expect(far.lines.map((line) => [...line.x])).toEqual([
      [0, 1e6, 2e6],
      [0, 0, 0],
    ]);
  });

  it("of a run that was started again are branches also where points were merged", () => {
    const again: Buckets = {
      ...points("a", "loss", [4, 2, 1, 3, 1]),
      steps: Float64Array.of(0, 10, 20, 10, 20),
      lastSteps: Float64Array.of(9, 19, 29, 19, 29),
      counts: new Float64Array(5).fill(10),
    };
    const [line] = build({ series: [again] }).lines;
    expect([...line!.x]).toEqual([4.5, 14.5, 24.5, 14.5, 24.5]);
    expect(line!.ascending).toBe(false);
    expect(build({ series: [again], dense: true }).lines[0]!.ascending).toBe(true);
    expect([...build({ series: [again], x: "wall" }).lines[0]!.y]).toEqual([4, 2, 1, 3, 1]);
  });

  it("draw the baseline last, dashed and thick", () => {
    const { lines } = build({ baseline: "a" });
    expect(lines.map((line) => line.runId)).toEqual(["b", "a"]);
    expect(lines[1]).toMatchObject({ isBaseline: true, dash: BASELINE_DASH });
    expect(lines[1]!.width).toBeGreaterThan(lines[0]!.width);
  });

  it("keep what was logged behind what is smoothed", () => {
    const [line] = build({ smoothing: "ema", amount: 0.5 }).lines;
    expect([...line!.raw!]).toEqual([4, 2, 1]);
    expect(line!.y[2]!).toBeGreaterThan(1);
  });

  it("compute over metrics and the baseline", () => {
    const expression = parseExpression("loss - base(loss)", ["loss"]);
    const { lines } = build({ expression, baseline: "a" });
    expect([...lines[0]!.y]).toEqual([4, 4, 3]);
    expect([...lines[1]!.y]).toEqual([0, 0, 0]);
    expect(build({ expression }).lines).toEqual([]);
  });

  it("join runs of a group, with how many reach each place", () => {
    const runs = [run("a", "sgd"), run("b", "sgd")];
    const { lines } = build({ runs, series: [points("a", "loss", [4, 2, 1]), points("b", "loss", [8, 6])] });
    expect(lines).toHaveLength(1);
    expect([...lines[0]!.y]).toEqual([6, 4, 1]);
    expect([...lines[0]!.n!]).toEqual([2, 2, 1]);
    expect(lines[0]!.label).toContain("n = 2");
  });

  it("know when each line has one value", () => {
    expect(build({ series: [points("a", "loss", [1])] }).single).toBe(true);
    expect(build({}).single).toBe(false);
    expect(build({ series: [] }).single).toBe(false);
  });

  it("tell series of one key by their data sets", () => {
    const test = {
      ...points("a", "loss", [1, 2]),
      series: ["loss", "", "test set", ""] as Buckets["series"],
    };
    const { lines } = build({ series: [points("a", "loss", [4, 2]), test] });
    expect(lines.map((line) => line.label)).toEqual(["run a", "run a · test set"]);
  });
});

describe("a run that was started again", () => {
  const steps = (order: number[], times: number[]) => {
    const one = points("a", "loss", order);
    return build({
      runs: [run("a")],
      series: [{ ...one, steps: Float64Array.from(order), timestamps: Float64Array.from(times) }],
    }).lines[0]!;
  };

  it("goes on as a branch on the axis of steps", () => {
    // Steps 1 and 2 came twice: the second time after step 3.
    const line = steps([0, 1, 1, 2, 2, 3], [0, 10, 50, 20, 60, 30]);
    expect([...line.x]).toEqual([0, 1, 2, 3, 1, 2]);
    expect([...line.times!]).toEqual([0, 10, 20, 30, 50, 60]);
    expect(line.ascending).toBe(false);
  });

  it("is not taken for processes that log a little out of order", () => {
    const order = Array.from({ length: 100 }, (_, i) => i);
    const line = steps(
      order,
      order.map((i) => 10 * (i ^ 1)),
    );
    expect(line.ascending).toBe(true);
  });
});
