/** Whether a run came out the same when it was run again, as its tags and its report tell. */
import { queryOptions } from "@tanstack/react-query";
import { type AnswerOf, post, send } from "@/api/client";
import { quoted } from "@/features/experiment/columns";
import { RUN_ID } from "@/features/run/data";

export type Report = AnswerOf<"/api/assay/v1/runs/{run_id}/reproduction", "get">;
export type Finding = Report["findings"][number];
export type Verdict = Report["verdict"];

const VERDICT_TAG = "assay.reproduction";
const AGAIN_TAG = "assay.reproduction.run";
const ORIGINAL_TAG = "assay.reproduces";
const VERDICTS: Verdict[] = ["identical", "within tolerance", "different"];
const MOST_RUNS = 50;

type Tags = Record<string, string>;

const idOf = (text: string | undefined) => (text && RUN_ID.test(text) ? text : undefined);

/** The run that this one repeats. */
export const originalOf = (tags: Tags): string | undefined => idOf(tags[ORIGINAL_TAG]);
/** The run that repeated this one last. */
export const againOf = (tags: Tags): string | undefined => idOf(tags[AGAIN_TAG]);
/** What came of it; tags are anybody's words, and others are no verdict. */
export const verdictOf = (tags: Tags): Verdict | undefined =>
  VERDICTS.find((one) => one === tags[VERDICT_TAG]);
/** Whether there is, or was to be, a report. */
export const hasReport = (tags: Tags): boolean =>
  verdictOf(tags) !== undefined && (originalOf(tags) !== undefined || againOf(tags) !== undefined);

export const reportQuery = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "reproduction"] as const,
    queryFn: async ({ signal }): Promise<Report> => {
      const path = `/api/assay/v1/runs/${encodeURIComponent(runId)}/reproduction`;
      return (await send(path, { signal })).json();
    },
    retry: false,
  });

export interface Again {
  runId: string;
  name: string;
  verdict: Verdict | undefined;
  start: number | null;
}

/** All runs of the experiment that repeat a run, the latest first. */
export const againRunsQuery = (originalId: string, experimentId: string) =>
  queryOptions({
    queryKey: ["run", originalId, "reproductions", experimentId] as const,
    queryFn: async ({ signal }): Promise<Again[]> => {
      const { runs, columns } = await post(
        "/api/assay/v1/runs/rows",
        {
          experiment_ids: [experimentId],
          filter: `tags.\`${ORIGINAL_TAG}\` = ${quoted(originalId)}`,
          columns: [{ kind: "tag", key: VERDICT_TAG }],
          order_by: ["attributes.start_time DESC"],
          limit: MOST_RUNS,
        },
        signal,
      );
      return runs.run_id.map((runId, at) => ({
        runId,
        name: runs.run_name[at] ?? runId,
        verdict: verdictOf({ [VERDICT_TAG]: String(columns[0]?.[at] ?? "") }),
        start: runs.start_time[at] ?? null,
      }));
    },
  });

/** How many things were compared, by what came of it. */
export function countsOf(findings: Finding[]): Map<Finding["verdict"], number> {
  const counts = new Map<Finding["verdict"], number>();
  for (const { verdict } of findings) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return counts;
}

/** What is worth a look: all but what is the same. Where all is the same, that. */
export function telling(findings: Finding[]): Finding[] {
  const found = findings.filter((one) => one.verdict !== "identical");
  return found.length ? found : findings;
}
