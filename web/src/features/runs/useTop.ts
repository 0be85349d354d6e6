/** The runs that stay on top, read apart from the query as they may not match it. */
import { useEffect, useMemo } from "react";
import { toastError } from "@/ui/Toasts";
import type { RunRecord } from "./records";
import type { RunStore } from "./store";
import type { TableColumn } from "./tableColumns";
import { wantedOf } from "./wanted";

const MOST_COLUMNS = 200;

export function useTop(
  store: RunStore,
  experimentIds: string[],
  ids: string[],
  columns: TableColumn[],
  version: number,
): RunRecord[] {
  const wanted = useMemo(() => columns.slice(0, MOST_COLUMNS).flatMap(wantedOf), [columns]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what the store holds
  const missing = useMemo(
    () =>
      ids.filter((id) => {
        const run = store.runs.get(id);
        return !run || wanted.some((one) => run.cells[one.id] === undefined);
      }),
    [ids, store, wanted, version],
  );
  const key = missing.join(",");
  useEffect(() => {
    if (!key) return;
    const timer = window.setTimeout(
      () => store.fetchRuns(experimentIds, key.split(","), wanted).catch(toastError),
      30,
    );
    return () => window.clearTimeout(timer);
  }, [key, store, experimentIds, wanted]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what the store holds
  return useMemo(() => ids.flatMap((id) => store.runs.get(id) ?? []), [ids, store, version]);
}
