/** The charts of an experiment: a face of its page, of the same runs, selection and baseline as the table. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { keep, readKept } from "@/app/preferences";
import { ColourLegend } from "@/features/experiment/ColourLegend";
import { colourChoice, useColouring } from "@/features/experiment/colouring";
import { filterOf, keysQuery, useShownRuns } from "@/features/experiment/data";
import { useExperimentState } from "@/features/experiment/state";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import type { RunActions, SetCharts } from "./board";
import { ChartBoard, NoMetrics } from "./ChartBoard";
import { choicesOf, useDressed } from "./dressing";
import { useEvents } from "./events";
import { LayoutMenu, useLayouts } from "./Layouts";
import { messages } from "./messages";
import { RunStrip } from "./RunStrip";
import { compact, layoutOf, parseChartState } from "./state";
import { Toolbar } from "./Toolbar";
import { useLive } from "./useLive";

const keptAs = (experimentIds: string[]) => `assay.charts.${experimentIds.join(",")}`;

/** The state in the address; where there is none, what this browser showed last of the experiment. */
function useChartState() {
  const { experimentIds, state, set } = useExperimentState();
  const raw = state.charts;
  // Table and charts have the same colours, so the address says them once.
  const colour = colourChoice(state) ?? "";
  const charts = useMemo(() => ({ ...parseChartState(raw), colour }), [raw, colour]);
  const latest = useRef(charts);
  latest.current = charts;
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) return;
    first.current = false;
    const kept = readKept<Record<string, unknown> | null>(keptAs(experimentIds), null);
    if (!raw && kept) set({ charts: compact(parseChartState(kept)) }, { replace: true });
  }, [experimentIds, raw, set]);
  const change = useCallback<SetCharts>(
    (part, options) => {
      const next = { ...latest.current, ...part };
      // Several changes may come before the address has the first.
      latest.current = next;
      keep(keptAs(experimentIds), layoutOf(next));
      const { colour } = next;
      set({ colour: colour || undefined, charts: compact({ ...next, colour: "" }) }, options);
    },
    [experimentIds, set],
  );
  return { experimentIds, state, set, charts, change };
}

function useRunActions(): RunActions {
  const { state, set } = useExperimentState();
  const navigate = useNavigate();
  return useMemo(() => {
    const flipped = (list: string[] | undefined, id: string) => {
      const next = list?.includes(id) ? list.filter((one) => one !== id) : [...(list ?? []), id];
      return next.length ? next : undefined;
    };
    return {
      open: (runId) => void navigate({ to: "/runs/$runId", params: { runId } }),
      pin: (runId) => set({ top: flipped(state.top, runId) }),
      hide: (runId) => set({ hide: flipped(state.hide, runId) }),
      setBase: (runId) => set({ base: runId ?? undefined }),
      isPinned: (runId) => state.top?.includes(runId) ?? false,
    };
  }, [navigate, set, state.top, state.hide]);
}

export function Charts() {
  const { experimentIds, state, set, charts, change } = useChartState();
  const { runs, total, query } = useShownRuns(experimentIds, state, charts.limit);
  const view = state.view === "deleted" ? "DELETED_ONLY" : "ACTIVE_ONLY";
  const found = useQuery(keysQuery(experimentIds, state.runs?.length ? "" : filterOf(state.q), view));
  const keys = useMemo(() => (found.data?.metrics ?? []).map((metric) => metric.key), [found.data]);
  const choices = useMemo(() => choicesOf(found.data), [found.data]);
  const colouring = useColouring(experimentIds, charts.colour || undefined, state);
  const dressed = useDressed(experimentIds, runs, charts, colouring);
  const actions = useRunActions();
  const events = useEvents(experimentIds, dressed, charts.events);
  const layouts = useLayouts(experimentIds.length === 1 ? (experimentIds[0] ?? "") : "");
  const known = layouts.find((layout) => layout.name === charts.layout)?.known ?? null;
  const queries = useQueryClient();
  useLive(
    experimentIds,
    dressed,
    () => queries.invalidateQueries({ queryKey: ["keys", experimentIds] }),
    keys,
  );
  const strong = useMemo(
    () => new Set([...(state.top ?? []), ...(state.base ? [state.base] : [])]),
    [state.top, state.base],
  );
  const board = useMemo(
    () => ({
      experimentIds,
      runs: dressed,
      strong,
      keys,
      baseline: state.base ?? null,
      state: charts,
      set: change,
      actions,
      events,
    }),
    [experimentIds, dressed, strong, keys, state.base, charts, change, actions, events],
  );

  if (found.isError || query.isError) {
    const failed = found.isError ? found : query;
    return <ErrorNotice error={failed.error} retry={() => failed.refetch()} />;
  }
  if (!found.data || !query.data) return <Skeleton height={400} />;
  if (!runs.length && !state.hide?.length) {
    return (
      <Notice title={messages.noRuns}>
        <p>{messages.noRunsHint}</p>
      </Notice>
    );
  }
  if (!keys.length) return <NoMetrics />;
  return (
    <ChartBoard board={board} known={known}>
      <Toolbar
        state={charts}
        set={change}
        keys={keys}
        choices={choices}
        several
        layouts={
          experimentIds.length === 1 && (
            <LayoutMenu
              experimentId={experimentIds[0] ?? ""}
              layouts={layouts}
              state={charts}
              set={change}
              keys={keys}
            />
          )
        }
      />
      {colouring && <ColourLegend colouring={colouring} onClear={() => change({ colour: "" })} />}
      <RunStrip
        total={total}
        hidden={state.hide?.length ?? 0}
        onShowHidden={() => set({ hide: undefined })}
      />
    </ChartBoard>
  );
}
