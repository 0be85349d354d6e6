/** What the run page asks the server. */
import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { type AnswerOf, ApiError, get, post } from "@/api/client";
import { listFolder } from "@/features/files/place";

export type Run = AnswerOf<"/api/assay/v1/runs/get", "get">;
export type Summary = AnswerOf<"/api/assay/v1/runs/summaries", "post">["summaries"][string][number];
export type Lineage = AnswerOf<"/api/assay/v1/registry/lineage", "get">;

const CAPTURED_FOLDER = "assay";
export const PATCH_PATH = "assay/source.patch";
export const REQUIREMENTS_PATH = "assay/requirements.txt";
export const OUTPUT_PATH = "assay/output.log";
export const SYSTEM_PREFIX = "system/";
export const NOTE_TAG = "mlflow.note.content";
export const STAR_TAG = "assay.star";
/** What a run id may be; tags that name runs are anybody's words. */
export const RUN_ID = /^[\w-]{1,64}$/;
const PARENT_TAG = "mlflow.parentRunId";
const LIVE_REFETCH_MS = 10_000;
const CAPTURED_REFETCH_MS = 3_000;

export const runQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId] as const,
    queryFn: ({ signal }) => get("/api/assay/v1/runs/get", { run_id: runId }, signal),
    // Changes of tags and params are not told live; a run that goes on is read again now and then.
    refetchInterval: (query) => (query.state.data?.info.status === "RUNNING" ? LIVE_REFETCH_MS : false),
    retry: (count, error) => !(error instanceof ApiError && error.status === 404) && count < 2,
  });

export const summariesQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "summaries"] as const,
    queryFn: ({ signal }) =>
      post("/api/assay/v1/runs/summaries", { run_ids: [runId], keys: null }, signal).then(
        (answer) => answer.summaries[runId] ?? [],
      ),
  });

export const experimentQuery = (experimentId: string) =>
  queryOptions({
    queryKey: ["experiment", experimentId] as const,
    queryFn: ({ signal }) =>
      get("/api/2.0/mlflow/experiments/get", { experiment_id: experimentId }, signal).then(
        (answer) => answer.experiment,
      ),
    staleTime: 60_000,
  });

export const lineageQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "lineage"] as const,
    queryFn: ({ signal }) =>
      get("/api/assay/v1/registry/lineage", { kind: "run", id: runId, limit: 200 }, signal),
    staleTime: 30_000,
  });

export function forget(queries: QueryClient, runId: string): void {
  queries.invalidateQueries({ queryKey: ["run", runId] });
}

export const parentOf = (run: Run): string | undefined => run.data.tags[PARENT_TAG] || undefined;

/** Which of the files that are captured with each run this one has; asked anew when its status changes. */
const capturedQuery = (runId: string, status: string) =>
  queryOptions({
    queryKey: ["captured", runId, status] as const,
    queryFn: async ({ signal }) => {
      const place = { run_id: runId };
      const root = await listFolder(place, { path: "" }, signal);
      if (!root.entries.some((entry) => entry.is_dir && entry.path === CAPTURED_FOLDER)) return [];
      const folder = await listFolder(place, { path: CAPTURED_FOLDER }, signal);
      return folder.entries.map((entry) => entry.path);
    },
    staleTime: 5_000,
    // They come while the run goes.
    refetchInterval: status === "RUNNING" ? CAPTURED_REFETCH_MS : false,
    placeholderData: (before, query) => (query?.queryKey[1] === runId ? before : undefined),
  });

/** Whether the run has a file that was captured with it; null while that is not known. */
export function useHasFile(run: Run, path: string): boolean | null {
  const { data, isPlaceholderData } = useQuery(capturedQuery(run.info.run_id, run.info.status));
  if (data?.includes(path)) return true;
  return data && !isPlaceholderData ? false : null;
}

/** Names in the order in which people count: `layer2` before `layer10`. */
const collator = new Intl.Collator("en", { numeric: true });
export const byName = (one: string, next: string) => collator.compare(one, next);
