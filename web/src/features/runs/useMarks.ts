/** The ends of each metric over all runs that match: one question for all columns, asked after the rows are there. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type JsonNumber, post, toNumber } from "@/api/client";
import { whichRuns } from "@/features/experiment/data";
import type { ExperimentSearch } from "@/features/experiment/search";
import type { Range } from "./marks";
import { asked, groupable, type TableColumn } from "./tableColumns";

const MOST = 200;

export function useRanges(
  experimentIds: string[],
  state: ExperimentSearch,
  columns: TableColumn[],
  enabled: boolean,
): Record<string, Range> {
  const { filter, view } = whichRuns(experimentIds, state);
  const metrics = groupable(
    columns.filter((one) => one.kind === "metric"),
    (one) => one.stat,
  ).slice(0, MOST);
  const ids = metrics.map((one) => one.id);
  const { data } = useQuery({
    queryKey: ["ranges", experimentIds, filter, view, ids],
    queryFn: async ({ signal }) => {
      const answer = await post(
        "/api/assay/v1/runs/groups",
        {
          experiment_ids: experimentIds,
          filter,
          view,
          by: [{ kind: "attribute", key: "status" }],
          columns: metrics.flatMap((one) => asked(one) ?? []),
          limit: 20,
        },
        signal,
      );
      return { ids, groups: answer.groups };
    },
    enabled: enabled && metrics.length > 0,
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  });
  return useMemo(() => {
    const ranges: Record<string, Range> = {};
    data?.ids.forEach((id, i) => {
      let min = Infinity;
      let max = -Infinity;
      for (const group of data.groups) {
        const figures = group.figures[i];
        const low = toNumber((figures?.min ?? null) as JsonNumber | null);
        const high = toNumber((figures?.max ?? null) as JsonNumber | null);
        if (low !== null && low < min) min = low;
        if (high !== null && high > max) max = high;
      }
      if (min <= max) ranges[id] = { min, max };
    });
    return ranges;
  }, [data]);
}
