/** What the pages of queues ask the server. All keys begin with `jobs`, so that one change refreshes them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type AnswerOf, post } from "@/api/client";
import { present, readText } from "@/features/files/place";
import type { Run } from "@/features/run/data";
import { type Launch, launchOfTags, parseLaunch, sendable } from "./launch";

export type Job = AnswerOf<"/api/assay/v1/jobs/get", "get">;
export type JobState = Job["state"];

export const OPEN: JobState[] = ["queued", "leased", "running"];
export const ENDED: JobState[] = ["finished", "failed", "cancelled"];
export const LAUNCH_PATH = "assay/launch.json";
const PAGE = 200;
/** Jobs have no stream of their own; a look at them is cheap. */
const LOOK_EVERY_MS = 3_000;
const MAX_LAUNCH_BYTES = 1_000_000;

export const isOpen = (job: Job): boolean => OPEN.includes(job.state);

/** Jobs by queue, the queues in their order by name. */
export function byQueue(jobs: Job[]): [string, Job[]][] {
  const found = new Map<string, Job[]>();
  for (const job of jobs) {
    const there = found.get(job.queue);
    if (there) there.push(job);
    else found.set(job.queue, [job]);
  }
  return [...found].sort(([one], [next]) => (one < next ? -1 : 1));
}

export const jobsQuery = (states: JobState[], queue: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ["jobs", "list", states, queue ?? ""] as const,
    queryFn: ({ pageParam, signal }) =>
      post(
        "/api/assay/v1/jobs/search",
        { states, queue: queue || null, max_results: PAGE, page_token: pageParam },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.token,
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_EVERY_MS,
  });

/** The latest job of a run; null where it was in no queue. */
export const jobOfRunQuery = (runId: string) =>
  queryOptions({
    queryKey: ["jobs", "run", runId] as const,
    queryFn: ({ signal }) =>
      post("/api/assay/v1/jobs/search", { run_id: runId, max_results: 1 }, signal).then(
        (page) => page.items[0] ?? null,
      ),
    refetchInterval: ({ state }) => (state.data && isOpen(state.data) ? LOOK_EVERY_MS : false),
  });

/** Names and states of runs by their ids; those in the bin too. */
export const runNamesQuery = (jobs: Job[]) => {
  const runIds = [...new Set(jobs.map((job) => job.run_id))].sort();
  const experimentIds = [...new Set(jobs.map((job) => job.experiment_id))].sort();
  return queryOptions({
    queryKey: ["jobs", "names", runIds] as const,
    queryFn: async ({ signal }) => {
      const names = new Map<string, string>();
      for (let at = 0; at < runIds.length; at += PAGE) {
        const some = runIds.slice(at, at + PAGE);
        const { runs } = await post(
          "/api/assay/v1/runs/rows",
          { experiment_ids: experimentIds, run_ids: some, columns: [], limit: some.length, view: "ALL" },
          signal,
        );
        runs.run_id.forEach((id, place) => {
          names.set(id, runs.run_name[place] ?? id);
        });
      }
      return names;
    },
    enabled: runIds.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
};

/** How a run was launched, as an agent could do it again; null where none gets to its code. */
export const againQuery = (run: Run, job: Job | null) =>
  queryOptions({
    queryKey: ["jobs", "again", run.info.run_id, job?.job_id ?? ""] as const,
    queryFn: async ({ signal }): Promise<Launch | null> => {
      const launch = await keptLaunch(run, job, signal);
      return sendable(launch, run.data.tags);
    },
    staleTime: 60_000,
  });

async function keptLaunch(run: Run, job: Job | null, signal: AbortSignal): Promise<Launch> {
  // What was sent to a queue names the project as others reach it, and leaves out what is declared.
  const sent = job && parseLaunch(job.launch);
  if (sent) {
    const kept = await launchFile(run, signal).catch(() => null);
    return { ...sent, declared: kept?.declared ?? [] };
  }
  return (await launchFile(run, signal)) ?? launchOfTags(run.data.tags, run.data.params);
}

/** The launch among the files of a run; null if there is none. */
async function launchFile(run: Run, signal: AbortSignal): Promise<Launch | null> {
  const place = { run_id: run.info.run_id };
  const [entry] = await present(place, [LAUNCH_PATH], signal);
  if (!entry || entry.is_dir) return null;
  const { text } = await readText(place, LAUNCH_PATH, { offset: 0, limit: MAX_LAUNCH_BYTES }, signal);
  return parseLaunch(text);
}
