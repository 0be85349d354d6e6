/** The run's files; the one that is open stands in the address. */
import { useCallback } from "react";
import { Files } from "@/features/files/Files";
import type { Run } from "./data";
import { useRunSearch } from "./useRunSearch";

export default function FilesTab({ run }: { run: Run }) {
  const { search, set } = useRunSearch();
  const open = useCallback(
    (path: string | undefined, options?: { line?: number; replace?: boolean }) =>
      set({ tab: "files", path, line: options?.line }, options),
    [set],
  );
  return (
    <Files
      place={{ run_id: run.info.run_id }}
      path={search.path}
      line={search.line}
      writable={run.info.lifecycle_stage === "active"}
      onPath={open}
    />
  );
}
