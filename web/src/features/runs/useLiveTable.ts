/** The table while runs go on: cells that change flash once, new runs wait behind a pill where they would disturb. */
import { useCallback, useEffect, useRef, useState } from "react";
import { toNumber } from "@/api/client";
import type { LiveEvent, RunChange } from "@/api/live";
import { useRunChanges } from "@/features/experiment/live";
import type { RunRecord } from "./records";
import type { RunStore } from "./store";
import type { TableColumn } from "./tableColumns";

/** Changes that ask for reading anew are gathered for this long. */
const GATHER_MS = 400;
/** Figures other than the last value are read anew this often while values come in. */
const FIGURES_MS = 5_000;
const FLASH_MS = 600;
/** Values that come in are drawn together this often: fifty runs that log each second would else draw fifty times. */
const DRAW_MS = 250;

/** Lit and then not lit: a colour that fades would be painted sixty times a second for as long as runs go on. */
function flash(changed: ReadonlyMap<string, ReadonlySet<string>>, columns: TableColumn[]): void {
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  requestAnimationFrame(() => {
    const lit: HTMLElement[] = [];
    for (const row of document.querySelectorAll<HTMLElement>("[data-run-row]")) {
      const ids = changed.get(row.dataset.run ?? "");
      if (!ids) continue;
      for (const cell of row.querySelectorAll<HTMLElement>("[data-col]")) {
        const column = columns[Number(cell.dataset.col)];
        if (column && ids.has(column.id)) lit.push(cell);
      }
    }
    for (const cell of lit) cell.dataset.fresh = "";
    window.setTimeout(() => {
      for (const cell of lit) delete cell.dataset.fresh;
    }, FLASH_MS);
  });
}

/** What a run's cells become by a change. */
function changedRun(run: RunRecord, change: RunChange): Partial<RunRecord> {
  const cells = { ...run.cells };
  for (const [key, value] of Object.entries(change.metrics))
    if (cells[`m:${key}`] !== undefined) cells[`m:${key}`] = toNumber(value);
  const { run_name: name, status, start_time: startTime, end_time: endTime } = change;
  return { name, status, startTime, endTime, cells };
}

/** The columns of which a change brings another value. */
function changedIds(run: RunRecord, change: RunChange): string[] {
  const ids = Object.keys(change.metrics).map((key) => `m:${key}`);
  if (run.status !== change.status) ids.push("a:status", "a:duration");
  if (run.name !== change.run_name) ids.push("a:run_name");
  return ids;
}

export function useLiveTable(
  store: RunStore,
  experimentIds: string[],
  columns: TableColumn[],
  openFirst: (runId: string) => void,
) {
  const [fresh, setFresh] = useState(0);
  const scrolled = useRef(false);
  const waitsForFirst = useRef(false);
  const timer = useRef(0);
  const figures = useRef(0);
  const gathered = useRef<RunChange[]>([]);
  const drawing = useRef(0);
  const shown = useRef(columns);
  shown.current = columns;
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
      window.clearTimeout(drawing.current);
      window.clearTimeout(figures.current);
    },
    [],
  );
  const refreshSoon = () => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => store.refresh(), GATHER_MS);
  };
  const onNew = (change: RunChange) => {
    if (waitsForFirst.current) return openFirst(change.run_id);
    if (scrolled.current) setFresh((before) => before + 1);
    else refreshSoon();
  };
  const draw = () => {
    drawing.current = 0;
    const changes = gathered.current;
    gathered.current = [];
    const changed = new Map<string, Set<string>>();
    for (const change of changes) {
      const run = store.runs.get(change.run_id);
      if (!run) continue;
      const ids = changed.get(run.id) ?? new Set();
      for (const id of changedIds(run, change)) ids.add(id);
      changed.set(run.id, ids);
    }
    if (!changed.size) return;
    store.merge(changes.map((change) => [change.run_id, (run) => changedRun(run, change)]));
    flash(changed, shown.current);
    if (!figures.current && shown.current.some((one) => one.kind === "metric" && one.stat !== "last"))
      figures.current = window.setTimeout(() => {
        figures.current = 0;
        store.refresh();
      }, FIGURES_MS);
  };
  const onUpdated = (change: RunChange) => {
    gathered.current.push(change);
    if (!drawing.current) drawing.current = window.setTimeout(draw, DRAW_MS);
  };
  useRunChanges(experimentIds, (event: LiveEvent) => {
    if (event.kind === "resync" || event.change.change === "deleted") refreshSoon();
    else if (event.change.change === "new") onNew(event.change);
    else onUpdated(event.change);
  });
  useEffect(() => store.revisit(), [store]);

  return {
    fresh,
    show: useCallback(() => {
      setFresh(0);
      store.refresh();
    }, [store]),
    onScrolled: useCallback((is: boolean) => {
      scrolled.current = is;
    }, []),
    onFirst: useCallback((waits: boolean) => {
      waitsForFirst.current = waits;
    }, []),
  };
}
