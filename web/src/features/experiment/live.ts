/** Changes of an experiment's runs while a page is open. */
import { useEffect, useRef } from "react";
import { type LiveEvent, watchRuns } from "@/api/live";

/** Calls `listener`, always the last one given, with each change. */
export function useRunChanges(experimentIds: string[], listener: (event: LiveEvent) => void): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  }, [listener]);
  const key = experimentIds.join(",");
  useEffect(() => watchRuns(key.split(",").filter(Boolean), (event) => latest.current(event)), [key]);
}
