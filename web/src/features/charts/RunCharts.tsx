/** The charts of one run, or of a few: its metrics, or what the machine did meanwhile. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { useColouring } from "@/features/experiment/colouring";
import { quoted } from "@/features/experiment/columns";
import { keysQuery, rowsQuery, type ShownRun } from "@/features/experiment/data";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import type { RunActions, SetCharts } from "./board";
import { ChartBoard, NoMetrics } from "./ChartBoard";
import { choicesOf, useDressed } from "./dressing";
import { useEvents } from "./events";
import { RunStrip } from "./RunStrip";
import { SYSTEM, sectionOf } from "./sections";
import { type ChartState, DEFAULTS } from "./state";
import { Toolbar } from "./Toolbar";
import { useLive } from "./useLive";

export interface RunChartsProps {
  runIds: string[];
  experimentIds: string[];
  /** Only what the machine did, or only what the model did; both where it is missing. */
  only?: "system" | "model";
}

const UNFOLDED = [`${SYSTEM}:${SYSTEM}`];
const NOTHING_STRONG: ReadonlySet<string> = new Set();

export function RunCharts({ runIds, experimentIds, only }: RunChartsProps) {
  const [state, setState] = useState<ChartState>(() => ({
    ...DEFAULTS,
    flipped: only === "system" ? UNFOLDED : [],
    x: only === "system" ? "relative" : "step",
  }));
  const set = useCallback<SetCharts>((part) => setState((before) => ({ ...before, ...part })), []);
  const navigate = useNavigate();
  const rows = useQuery(
    rowsQuery({
      experiment_ids: experimentIds,
      run_ids: runIds,
      columns: [],
      limit: runIds.length,
      view: "ALL",
    }),
  );
  const found = useQuery(
    keysQuery(experimentIds, `attributes.run_id IN (${runIds.map(quoted).join(", ")})`, "ALL"),
  );
  const keys = useMemo(
    () =>
      (found.data?.metrics ?? [])
        .map((metric) => metric.key)
        .filter((key) => !only || (sectionOf(key) === SYSTEM) === (only === "system")),
    [found.data, only],
  );
  const runs = useMemo<ShownRun[]>(() => {
    const columns = rows.data?.runs;
    return (columns?.run_id ?? []).map((id, i) => ({
      id,
      name: columns?.run_name[i] ?? id,
      status: columns?.status[i] ?? "",
      startTime: columns?.start_time[i] ?? null,
      isBaseline: false,
    }));
  }, [rows.data]);
  const dressed = useDressed(
    experimentIds,
    runs,
    state,
    useColouring(experimentIds, state.colour || undefined),
  );
  const events = useEvents(experimentIds, dressed, state.events);
  const queries = useQueryClient();
  useLive(
    experimentIds,
    dressed,
    () => queries.invalidateQueries({ queryKey: ["keys", experimentIds] }),
    keys,
  );
  const actions = useMemo<RunActions>(
    () => ({
      open: (runId) => void navigate({ to: "/runs/$runId", params: { runId } }),
      isPinned: () => false,
    }),
    [navigate],
  );
  const board = useMemo(
    () => ({
      experimentIds,
      runs: dressed,
      strong: NOTHING_STRONG,
      keys,
      baseline: null,
      state,
      set,
      actions,
      events,
    }),
    [experimentIds, dressed, keys, state, set, actions, events],
  );
  if (rows.isError || found.isError) {
    const failed = found.isError ? found : rows;
    return <ErrorNotice error={failed.error} retry={() => failed.refetch()} />;
  }
  if (!rows.data || !found.data) return <Skeleton height={400} />;
  if (!keys.length) return <NoMetrics />;
  const several = runIds.length > 1;
  return (
    <ChartBoard board={board} known={null}>
      <Toolbar state={state} set={set} keys={keys} choices={choicesOf(found.data)} several={several} />
      {several && <RunStrip total={runs.length} hidden={0} />}
    </ChartBoard>
  );
}
