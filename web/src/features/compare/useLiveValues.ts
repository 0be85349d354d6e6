/** Keeps compared values up to date while runs go on: read anew a while after something changed, not at each change. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { watchRuns } from "@/api/live";

/** Charts over thousands of runs are read anew this often at most. */
const PAUSE_MS = 5_000;
const LIVE_KEYS = ["frame", "cells"];

export function useLiveValues(experimentIds: string[]): void {
  const queries = useQueryClient();
  useEffect(() => {
    let timer = 0;
    const stop = watchRuns(experimentIds, () => {
      if (timer) return;
      timer = window.setTimeout(() => {
        timer = 0;
        for (const key of LIVE_KEYS) queries.invalidateQueries({ queryKey: ["compare", key] });
      }, PAUSE_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [experimentIds, queries]);
}
