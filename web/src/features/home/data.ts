/** What the first page asks the server. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type AnswerOf, get, post } from "@/api/client";
import { quoted } from "@/features/experiment/columns";

export type Overview = AnswerOf<"/api/assay/v1/experiments/overview", "post">["experiments"][number];

const PAGE = 1_000;
const LIVE_MS = 10_000;
/** While nothing was ever recorded, somebody waits for the first run. */
const LISTEN_MS = 2_000;
const EXPRESSION = /[=<>]|\b(?:i?like|in|is)\b/i;
const ACTIVE = 1;
const DELETED = 2;

/** The filter for a typed text: an expression as it is, plain words as parts of the name. */
export function experimentFilter(typed: string): string {
  const text = typed.trim();
  if (!text || EXPRESSION.test(text)) return text;
  return text
    .split(/\s+/)
    .map((word) => `name ILIKE ${quoted(`%${word.replace(/[!%_]/g, "!$&")}%`)} ESCAPE '!'`)
    .join(" and ");
}

function isUnused(pages: { experiments: Overview[] }[] | undefined): boolean {
  return Boolean(
    pages?.every((page) => page.experiments.every((one) => !Object.values(one.runs).some((count) => count))),
  );
}

/** The newest run of all. */
export async function newestRun(experimentIds: string[]): Promise<string | undefined> {
  const found = await post("/api/assay/v1/runs/rows", {
    experiment_ids: experimentIds,
    columns: [],
    limit: 1,
  });
  return found.runs.run_id[0];
}

/** All experiments that match, page after page. */
export function useExperiments(typed: string, bin: boolean) {
  const query = useInfiniteQuery({
    queryKey: ["experiments", typed, bin],
    queryFn: ({ pageParam, signal }) =>
      post(
        "/api/assay/v1/experiments/overview",
        {
          filter: experimentFilter(typed),
          view: bin ? DELETED : ACTIVE,
          max_results: PAGE,
          page_token: pageParam,
        },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.token,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (isUnused(state.data?.pages) ? LISTEN_MS : LIVE_MS),
  });
  return { query, experiments: query.data?.pages.flatMap((page) => page.experiments) ?? [] };
}

/** The latest runs of some experiments, or those that are running. */
export function useRuns(experimentIds: string[], running: boolean) {
  return useQuery({
    queryKey: ["home", "runs", running, experimentIds],
    queryFn: ({ signal }) =>
      post(
        "/api/assay/v1/runs/rows",
        {
          experiment_ids: experimentIds,
          filter: running ? "attributes.status = 'RUNNING'" : "",
          columns: [],
          limit: 8,
        },
        signal,
      ),
    enabled: experimentIds.length > 0,
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
  });
}

export function useServerFacts() {
  return useQuery({
    queryKey: ["server", "facts"],
    queryFn: ({ signal }) => get("/api/assay/v1/server/facts", undefined, signal),
    refetchInterval: 60_000,
  });
}
