/** What is drawn over the pictures of runs, and the classes of all of them together. */
import { useQueries } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { OVERLAY_SUFFIX, type Overlay, overlayQuery, togetherOf } from "@/features/files/overlay";

interface Shown {
  runId: string;
  /** The picture, and all files that the run has as far as they are listed. */
  path: string | undefined;
  paths: readonly string[];
}

export function useOverlays(shown: readonly Shown[]): {
  overlays: (Overlay | null)[];
  together: Overlay | null;
} {
  const found = useQueries({
    queries: shown.map(({ runId, path, paths }) => ({
      ...overlayQuery({ run_id: runId }, path ?? ""),
      enabled: path !== undefined && paths.includes(path + OVERLAY_SUFFIX),
    })),
  });
  const overlays = found.map((one) => one.data ?? null);
  const read = found.map((one) => one.dataUpdatedAt).join();
  const which = shown.map((one) => `${one.runId}:${one.path}`).join("\n");
  // The same one while nothing else was read: classes keep their colours and masks are not painted anew.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown and when it was read say all
  const now = useMemo(() => togetherOf(overlays.filter((one) => one !== null)), [which, read]);
  const last = useRef(now);
  // While those of the next step are read, the switches stay.
  if (!found.some((one) => one.isLoading)) last.current = now;
  return { overlays, together: last.current };
}
