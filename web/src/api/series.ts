/** Curves: many series in one binary reply, each in at most as many buckets as the screen has room for. */
import { decode } from "@msgpack/msgpack";
import { send } from "./client";

/** Buckets of one series. Steps fit a double up to 2^53; values may be NaN or infinite. */
export interface Buckets {
  runId: string;
  key: string;
  /** What tells series of one run and key apart: key, model, name and digest of a data set; "" for none. */
  series: SeriesKey;
  /** First step of each bucket. */
  steps: Float64Array;
  lastSteps: Float64Array;
  /** Milliseconds since 1970 of the last point of each bucket. */
  timestamps: Float64Array;
  min: Float64Array;
  max: Float64Array;
  mean: Float64Array;
  last: Float64Array;
  counts: Float64Array;
}

export interface SeriesQuery {
  runIds: string[];
  keys: string[];
  /** Buckets per series: the width of the panel in pixels, about. */
  count: number;
  firstStep?: number;
  lastStep?: number;
  /** On which buckets have equal widths. */
  scale?: "linear" | "log";
  /** Buckets for each branch of a run that was started again from an earlier step, one branch after the other. */
  branches?: boolean;
}

export type SeriesKey = [key: string, modelId: string, dataset: string, digest: string];

interface WireBuckets {
  run_id: string;
  series: SeriesKey;
  [column: string]: unknown;
}

function floats(bytes: unknown): Float64Array {
  const view = bytes as Uint8Array;
  // A copy starts at offset 0, as a Float64Array must start at a multiple of eight.
  return new Float64Array(view.slice().buffer);
}

function integers(bytes: unknown): Float64Array {
  const view = bytes as Uint8Array;
  // Without BigInts, which are objects: halves of 32 bits, the lower one first, as all browsers' machines have them.
  const { buffer } = view.slice();
  const low = new Uint32Array(buffer);
  const high = new Int32Array(buffer);
  const result = new Float64Array(low.length / 2);
  for (let i = 0; i < result.length; i++) result[i] = high[2 * i + 1]! * 4_294_967_296 + low[2 * i]!;
  return result;
}

export async function querySeries(query: SeriesQuery, signal?: AbortSignal): Promise<Buckets[]> {
  const response = await send("/api/assay/v1/series/query", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/msgpack" },
    body: JSON.stringify({
      run_ids: query.runIds,
      keys: query.keys,
      count: query.count,
      first_step: query.firstStep ?? null,
      last_step: query.lastStep ?? null,
      scale: query.scale ?? "linear",
      branches: query.branches ?? false,
    }),
    signal,
  });
  const answer = decode(await response.arrayBuffer()) as { series: WireBuckets[] };
  return answer.series.map((one) => ({
    runId: one.run_id,
    key: one.series[0],
    series: one.series,
    steps: integers(one.steps),
    lastSteps: integers(one.last_steps),
    timestamps: integers(one.timestamps),
    min: floats(one.min),
    max: floats(one.max),
    mean: floats(one.mean),
    last: floats(one.last),
    counts: integers(one.counts),
  }));
}

interface WireHistory {
  run_id: string;
  series: SeriesKey;
  steps: unknown;
  timestamps: unknown;
  values: unknown;
}

/** Series as logged, every point a bucket of its own. For ranges that are known to hold few. */
export async function queryPoints(
  names: { runId: string; series: SeriesKey }[],
  range: { firstStep?: number; lastStep?: number },
  signal?: AbortSignal,
): Promise<Buckets[]> {
  const response = await send("/api/assay/v1/histories/query", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/msgpack" },
    body: JSON.stringify({
      histories: names.map(({ runId, series }) => ({ run_id: runId, series })),
      first_step: range.firstStep ?? null,
      last_step: range.lastStep ?? null,
    }),
    signal,
  });
  const answer = decode(await response.arrayBuffer()) as { histories: WireHistory[] };
  return answer.histories.map((one) => {
    const steps = integers(one.steps);
    const values = floats(one.values);
    return {
      runId: one.run_id,
      key: one.series[0],
      series: one.series,
      steps,
      lastSteps: steps,
      timestamps: integers(one.timestamps),
      min: values,
      max: values,
      mean: values,
      last: values,
      counts: new Float64Array(values.length).fill(1),
    };
  });
}
