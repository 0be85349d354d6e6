/** Where values lie on the axis of x: at their step, at their time, or at what a metric or an expression says there. */
import type { Buckets } from "@/api/series";
import { type Curve, resample } from "@/charts/align";
import { compute, ExpressionError, metricsOf, type Node, parseExpression } from "@/charts/expression";
import { inStepOrder } from "./buckets";

export interface AxisX {
  kind: "step" | "relative" | "wall" | "computed";
  /** What gives the places; of a computed axis only. */
  node: Node | null;
  /** What the reader calls them. */
  label: string;
  mistake: string;
}

/** The values of a metric at the places of a run, or of the baseline. */
type Lookup = (key: string, base: boolean) => Buckets | undefined;

export const METRIC_X = "m:";
export const EXPRESSION_X = "e:";

export function readExpression(
  text: string | undefined,
  keys: string[],
): { node: Node | null; mistake: string } {
  if (!text) return { node: null, mistake: "" };
  try {
    return { node: parseExpression(text, keys), mistake: "" };
  } catch (error) {
    if (error instanceof ExpressionError) return { node: null, mistake: error.message };
    throw error;
  }
}

/** The axis that a state names: `step`, `relative`, `wall`, `m:` and a key, or `e:` and an expression. */
export function readAxis(x: string, keys: string[]): AxisX {
  if (x === "relative" || x === "wall") return { kind: x, node: null, label: "", mistake: "" };
  const label = x.slice(METRIC_X.length);
  if (x.startsWith(METRIC_X)) {
    return { kind: "computed", node: { kind: "metric", key: label, base: false }, label, mistake: "" };
  }
  if (x.startsWith(EXPRESSION_X)) return { kind: "computed", label, ...readExpression(label, keys) };
  return { kind: "step", node: null, label: "", mistake: "" };
}

/** The steps at which a series has values: of a bucket of several points the middle one. */
export function stepsOf(series: Buckets): Float64Array {
  const { steps, lastSteps, counts } = series;
  return counts.some((count) => count > 1) ? steps.map((step, i) => (step + lastSteps[i]!) / 2) : steps;
}

const curveOf = (series: Buckets): Curve => ({ x: stepsOf(series), y: series.mean });

/** The values of an expression at the steps of its longest series; null where a metric is missing. */
export function computed(node: Node, of: Lookup): Buckets | null {
  const metrics = metricsOf(node);
  const needed = metrics.map(({ key, base }) => {
    const series = of(key, base);
    return series && inStepOrder(series);
  });
  if (!needed.length || needed.some((one) => !one)) return null;
  const own = metrics.findIndex(({ base }) => !base);
  const main = needed
    .filter((_, i) => own < 0 || !metrics[i]!.base)
    .reduce((best, one) => (one!.steps.length > best!.steps.length ? one : best))!;
  const at = stepsOf(main);
  const mean = compute(node, at.length, (key, base) => {
    const series = needed[metrics.findIndex((one) => one.key === key && one.base === base)]!;
    return series === main ? main.mean : resample(curveOf(series), at);
  });
  return { ...main, mean, min: mean, max: mean, last: mean };
}

/** For each run where its steps lie on a computed axis; null for another axis. */
export function axisCurves(
  axis: AxisX,
  series: Buckets[],
  baseline: string | null,
): ReadonlyMap<string, Curve> | null {
  if (axis.kind !== "computed") return null;
  const curves = new Map<string, Curve>();
  if (!axis.node) return curves;
  const byRun = new Map<string, Map<string, Buckets>>();
  for (const one of series) {
    const keys = byRun.get(one.runId) ?? new Map<string, Buckets>();
    if (!keys.has(one.key)) keys.set(one.key, one);
    byRun.set(one.runId, keys);
  }
  for (const [runId, keys] of byRun) {
    const found = computed(axis.node, (key, base) =>
      base ? byRun.get(baseline ?? "")?.get(key) : keys.get(key),
    );
    if (found) curves.set(runId, curveOf(found));
  }
  return curves;
}

/** Where a series' values lie on the axis; NaN where it says nothing of them. `curve` is the run's of `axisCurves`. */
export function placesOf(
  series: Buckets,
  kind: AxisX["kind"],
  startTime: number | null,
  curve: Curve | undefined,
): Float64Array {
  if (kind === "wall") return series.timestamps;
  if (kind === "relative") {
    const first = series.timestamps[0] ?? 0;
    const start = startTime !== null && startTime <= first ? startTime : first;
    return series.timestamps.map((time) => (time - start) / 1000);
  }
  if (kind === "step") return stepsOf(series);
  return curve ? resample(curve, stepsOf(series)) : new Float64Array(series.steps.length).fill(Number.NaN);
}
