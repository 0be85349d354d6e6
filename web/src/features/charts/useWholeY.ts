/** The range of y over all panels, in view or not: from what the server holds of each metric. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { toNumber } from "@/api/client";
import { extent } from "@/charts/ranges";
import { rowsQuery } from "@/features/experiment/data";
import type { Board, SharedY } from "./board";
import { panelKeys, type Section } from "./sections";

const MOST_KEYS = 250;

export function useWholeY(
  board: Omit<Board, "sharedY" | "groupColours">,
  sections: Section[],
  shared: SharedY,
) {
  const { runs, keys: all, experimentIds, state } = board;
  const request = useMemo(() => {
    const panels = sections.filter((section) => !section.folded).flatMap((section) => section.panels);
    const keys = [...new Set(panels.flatMap((panel) => (panel.expr ? [] : panelKeys(panel, all))))];
    const run_ids = runs.map((run) => run.id);
    return {
      experiment_ids: experimentIds,
      run_ids,
      columns: keys
        .slice(0, MOST_KEYS)
        .flatMap((key) => (["min", "max"] as const).map((stat) => ({ kind: "metric" as const, key, stat }))),
      limit: Math.max(1, run_ids.length),
      view: "ALL" as const,
    };
  }, [sections, runs, all, experimentIds]);
  const { data } = useQuery({
    ...rowsQuery(request),
    enabled: state.lockY && request.run_ids.length > 0 && request.columns.length > 0,
  });
  const positive = state.y === "log";
  useEffect(() => {
    const values = state.lockY
      ? (data?.columns ?? []).flat().map((value) => toNumber(value) ?? Number.NaN)
      : [];
    shared.report(shared, extent([values], positive));
  }, [data, state.lockY, positive, shared]);
}
