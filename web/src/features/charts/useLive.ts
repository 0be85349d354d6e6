/** New points of running runs: only what is new is fetched, and keys seen for the first time are told. */
import { useMemo } from "react";
import { useRunChanges } from "@/features/experiment/live";
import { loader } from "./loader";

export function useLive(
  experimentIds: string[],
  runs: { id: string }[],
  onNewKeys: () => void,
  keys: string[],
): void {
  const shown = useMemo(() => new Set(runs.map((run) => run.id)), [runs]);
  const known = useMemo(() => new Set(keys), [keys]);
  useRunChanges(experimentIds, (event) => {
    if (event.kind === "resync") {
      loader.resync();
      return;
    }
    const moved = new Set(Object.keys(event.change.metrics));
    if (!moved.size || !shown.has(event.change.run_id)) return;
    loader.moved(event.change.run_id, moved);
    for (const key of moved) if (!known.has(key)) return onNewKeys();
  });
}
