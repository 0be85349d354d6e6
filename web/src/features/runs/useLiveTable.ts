/** The table while runs go on: cells that change flash once, new runs wait behind a pill where they would disturb. */
import { useCallback, useEffect, useRef, useState } from "react";
import { toNumber } from "@/api/client";
import type { LiveEvent, RunChange } from "@/api/live";
import { useRunChanges } from "@/features/experiment/live";
import type { RunStore } from "./store";
import type { TableColumn } from "./tableColumns";

/** Changes that ask for reading anew are gathered for this long. */
const GATHER_MS = 400;
/** Figures other than the last value are read anew this often while values come in. */
const FIGURES_MS = 5_000;
const FLASH_MS = 900;

function flash(runId: string, columns: TableColumn[], changed: Set<string>): void {
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  requestAnimationFrame(() => {
    for (const row of document.querySelectorAll(`[data-run-row][data-run="${CSS.escape(runId)}"]`)) {
      for (const cell of row.querySelectorAll<HTMLElement>("[data-col]")) {
        const column = columns[Number(cell.dataset.col)];
        if (column && changed.has(column.id))
          cell.animate([{ backgroundColor: "var(--accent-soft)" }, {}], {
            duration: FLASH_MS,
            easing: "ease-out",
          });
      }
    }
  });
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
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
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
  const onUpdated = (change: RunChange) => {
    const before = store.runs.get(change.run_id);
    if (!before) return;
    const changed = new Set(Object.keys(change.metrics).map((key) => `m:${key}`));
    if (before.status !== change.status) changed.add("a:status").add("a:duration");
    if (before.name !== change.run_name) changed.add("a:run_name");
    store.patch(change.run_id, (run) => {
      const cells = { ...run.cells };
      for (const [key, value] of Object.entries(change.metrics)) {
        if (cells[`m:${key}`] !== undefined) cells[`m:${key}`] = toNumber(value);
      }
      return {
        name: change.run_name,
        status: change.status,
        startTime: change.start_time,
        endTime: change.end_time,
        cells,
      };
    });
    flash(change.run_id, columns, changed);
    if (!figures.current && columns.some((one) => one.kind === "metric" && one.stat !== "last"))
      figures.current = window.setTimeout(() => {
        figures.current = 0;
        store.refresh();
      }, FIGURES_MS);
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
