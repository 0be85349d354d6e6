/** Small curves of metrics in cells: the envelope of each bucket, so that a spike of one step is seen. */
import { useEffect, useRef, useState } from "react";
import { type Buckets, querySeries } from "@/api/series";

export const SPARK_WIDTH = 112;
export const SPARK_HEIGHT = 20;
const BUCKETS = 40;
const ASK_AFTER_MS = 120;
const MOST_RUNS = 60;
/** A curve of a run that goes on is read anew after this time. */
const FRESH_MS = 5_000;
const MOST_KEPT = 5_000;

interface Spark {
  path: string;
  at: number;
}

const kept = new Map<string, Spark>();

function name(runId: string, key: string): string {
  return `${runId}\n${key}`;
}

/** The outline of a curve as an SVG path in a box of the usual size; empty where nothing can be drawn. */
export function sparkPath(buckets: Pick<Buckets, "steps" | "min" | "max" | "mean">): string {
  const points: { x: number; low: number; high: number }[] = [];
  for (let i = 0; i < buckets.steps.length; i++) {
    const low = buckets.min[i] as number;
    const high = buckets.max[i] as number;
    if (Number.isFinite(low) && Number.isFinite(high))
      points.push({ x: buckets.steps[i] as number, low, high });
  }
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return "";
  const lowest = Math.min(...points.map((one) => one.low));
  const highest = Math.max(...points.map((one) => one.high));
  const width = last.x - first.x || 1;
  const height = highest - lowest || 1;
  const x = (value: number) => (1 + ((value - first.x) / width) * (SPARK_WIDTH - 2)).toFixed(1);
  const y = (value: number) =>
    (SPARK_HEIGHT - 2 - ((value - lowest) / height) * (SPARK_HEIGHT - 4)).toFixed(1);
  const above = points.map((one) => `${x(one.x)} ${y(one.high)}`);
  const below = points.map((one) => `${x(one.x)} ${y(one.low)}`).reverse();
  if (points.length === 1) return `M1 ${y(first.high)}h${SPARK_WIDTH - 2}`;
  return `M${above.join("L")}L${below.join("L")}Z`;
}

export function sparkOf(runId: string, key: string): string | undefined {
  return kept.get(name(runId, key))?.path;
}

/** Keeps the curves of the rows in view read; the answer counts how often some came. */
export function useSparks(
  runIds: string[],
  running: ReadonlySet<string>,
  keys: string[],
  tick: number,
): number {
  const [version, setVersion] = useState(0);
  const timer = useRef(0);
  const wanted = `${runIds.join(",")}|${keys.join("\n")}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `wanted` stands for the lists
  useEffect(() => {
    if (!keys.length || !runIds.length) return;
    const controller = new AbortController();
    timer.current = window.setTimeout(async () => {
      const now = Date.now();
      const missing = runIds
        .filter((id) =>
          keys.some((key) => {
            const found = kept.get(name(id, key));
            return !found || (running.has(id) && now - found.at > FRESH_MS);
          }),
        )
        .slice(0, MOST_RUNS);
      if (!missing.length) return;
      try {
        const found = await querySeries({ runIds: missing, keys, count: BUCKETS }, controller.signal);
        for (const id of missing) for (const key of keys) kept.set(name(id, key), { path: "", at: now });
        for (const one of found) kept.set(name(one.runId, one.key), { path: sparkPath(one), at: now });
        for (const old of kept.keys()) {
          if (kept.size <= MOST_KEPT) break;
          kept.delete(old);
        }
        setVersion((before) => before + 1);
      } catch {
        // A curve that can't be read leaves its cell empty; the next look asks again.
      }
    }, ASK_AFTER_MS);
    return () => {
      window.clearTimeout(timer.current);
      controller.abort();
    };
  }, [wanted, tick]);
  return version;
}
