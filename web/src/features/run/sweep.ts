/** What a sweep's parent run tells of its trials. Tags and files are anybody's words: what doesn't parse is left out. */
import { queryOptions } from "@tanstack/react-query";
import { post } from "@/api/client";
import { columnId, quoted } from "@/features/experiment/columns";
import { present, readText } from "@/features/files/place";
import { RUN_ID, type Run } from "./data";

export const SWEEP_TAG = "assay.sweep";
const BEST_RUN_TAG = "assay.sweep.best_run";
const BEST_VALUE_TAG = "assay.sweep.best_value";
const POINT_TAG = "assay.sweep.point";
const STATE_TAG = "assay.sweep.state";
const PARENT_TAG = "mlflow.parentRunId";
const SPEC_PATH = "assay/sweep.json";
const MAX_SPEC_BYTES = 1_000_000;
const LOOK_EVERY_MS = 5_000;
export const STATES = ["completed", "pruned", "failed"] as const;
export type TrialState = (typeof STATES)[number];

export interface SweepSpec {
  trials: number;
  metric: string;
  goal: "minimize" | "maximize";
  parameters: string[];
}

export interface Progress {
  counts: Record<TrialState, number>;
  /** Trials that have no verdict yet. */
  others: number;
}

/** The sweep's name; nothing for other runs, trials among them. */
export const sweepOf = (run: Run): string | undefined => run.data.tags[SWEEP_TAG] || undefined;

export function bestOf(run: Run): { runId: string; value: number } | null {
  const runId = run.data.tags[BEST_RUN_TAG] ?? "";
  const value = Number(run.data.tags[BEST_VALUE_TAG] || Number.NaN);
  return RUN_ID.test(runId) && !Number.isNaN(value) ? { runId, value } : null;
}

/** The parameters that a trial was given, as texts. */
export function pointOf(run: Run): [string, string][] {
  try {
    const point: unknown = JSON.parse(run.data.tags[POINT_TAG] ?? "");
    if (typeof point !== "object" || point === null || Array.isArray(point)) return [];
    return Object.entries(point).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
  } catch {
    return [];
  }
}

export function parseSpec(json: string): SweepSpec | null {
  try {
    const raw = JSON.parse(json);
    const trials = raw?.trials;
    const metric = raw?.metric?.name;
    if (typeof metric !== "string" || !Number.isSafeInteger(trials) || trials < 1) return null;
    return {
      trials,
      metric,
      goal: raw.metric.goal === "maximize" ? "maximize" : "minimize",
      parameters: Object.entries(raw.parameters ?? {})
        .filter(([, one]) => (one as { type?: unknown } | null)?.type !== "fixed")
        .map(([name]) => name),
    };
  } catch {
    return null;
  }
}

export const specQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "sweep-spec"] as const,
    queryFn: async ({ signal }): Promise<SweepSpec | null> => {
      const place = { run_id: runId };
      const found = await present(place, [SPEC_PATH], signal);
      if (!found.length) return null;
      const { text } = await readText(place, SPEC_PATH, { offset: 0, limit: MAX_SPEC_BYTES }, signal);
      return parseSpec(text);
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

export const childrenFilter = (runId: string): string => `tags.\`${PARENT_TAG}\` = ${quoted(runId)}`;

export const progressQuery = (run: Run) =>
  queryOptions({
    queryKey: ["run", run.info.run_id, "sweep-progress"] as const,
    queryFn: async ({ signal }): Promise<Progress> => {
      const count = async (filter: string) => {
        const request = { experiment_ids: [run.info.experiment_id], filter, columns: [], limit: 1 };
        return (await post("/api/assay/v1/runs/rows", request, signal)).total;
      };
      const of = childrenFilter(run.info.run_id);
      const [total, ...ended] = await Promise.all([
        count(of),
        ...STATES.map((state) => count(`${of} and tags.\`${STATE_TAG}\` = ${quoted(state)}`)),
      ]);
      const counts = Object.fromEntries(STATES.map((state, at) => [state, ended[at] ?? 0]));
      const sum = ended.reduce((before, one) => before + one, 0);
      return { counts: counts as Progress["counts"], others: Math.max(0, (total ?? 0) - sum) };
    },
    refetchInterval: run.info.status === "RUNNING" ? LOOK_EVERY_MS : false,
  });

/** The axes of parallel coordinates for a sweep: what was chosen, then what came of it. */
export const axesOf = (spec: SweepSpec): string[] => [
  ...spec.parameters.map((key) => columnId({ kind: "param", key })),
  columnId({ kind: "metric", key: spec.metric, stat: "last" }),
];
