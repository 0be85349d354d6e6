/** Changes of a run: shown at once, taken back when the server says no. */
import type { QueryClient } from "@tanstack/react-query";
import { post } from "@/api/client";
import { toast, toastError } from "@/ui/Toasts";
import { forget, type Run, runQuery } from "./data";
import { messages } from "./messages";

async function change(
  queries: QueryClient,
  runId: string,
  edit: (run: Run) => Run,
  call: () => Promise<unknown>,
): Promise<boolean> {
  const key = runQuery(runId).queryKey;
  await queries.cancelQueries({ queryKey: key, exact: true });
  const before = queries.getQueryData(key);
  if (before) queries.setQueryData(key, edit(before));
  try {
    await call();
    // Tables and groups elsewhere show the same run.
    queries.invalidateQueries({ queryKey: ["rows"] });
    return true;
  } catch (error) {
    if (before) queries.setQueryData(key, before);
    toastError(error);
    return false;
  } finally {
    forget(queries, runId);
  }
}

const withTags = (run: Run, tags: Record<string, string>): Run => ({ ...run, data: { ...run.data, tags } });

export function setTag(queries: QueryClient, runId: string, key: string, value: string): Promise<boolean> {
  return change(
    queries,
    runId,
    (run) => withTags(run, { ...run.data.tags, [key]: value }),
    () => post("/api/2.0/mlflow/runs/set-tag", { run_id: runId, key, value }),
  );
}

export async function deleteTag(queries: QueryClient, run: Run, key: string): Promise<void> {
  const runId = run.info.run_id;
  const value = run.data.tags[key] ?? "";
  const done = await change(
    queries,
    runId,
    (now) => withTags(now, Object.fromEntries(Object.entries(now.data.tags).filter(([one]) => one !== key))),
    () => post("/api/2.0/mlflow/runs/delete-tag", { run_id: runId, key }),
  );
  if (done)
    toast({ text: messages.tagDeleted(key.slice(0, 100)), undo: () => setTag(queries, runId, key, value) });
}

export function rename(queries: QueryClient, runId: string, name: string): Promise<boolean> {
  return change(
    queries,
    runId,
    (run) => ({ ...run, info: { ...run.info, run_name: name } }),
    () => post("/api/2.0/mlflow/runs/update", { run_id: runId, run_name: name }),
  );
}

function setStage(queries: QueryClient, runId: string, stage: "active" | "deleted"): Promise<boolean> {
  const path = stage === "active" ? "/api/2.0/mlflow/runs/restore" : "/api/2.0/mlflow/runs/delete";
  return change(
    queries,
    runId,
    (run) => ({ ...run, info: { ...run.info, lifecycle_stage: stage } }),
    () => post(path, { run_id: runId }),
  );
}

export async function restoreRun(queries: QueryClient, runId: string): Promise<void> {
  if (await setStage(queries, runId, "active")) toast({ text: messages.restored });
}

export async function deleteRun(queries: QueryClient, run: Run): Promise<void> {
  const runId = run.info.run_id;
  if (await setStage(queries, runId, "deleted")) {
    toast({
      text: messages.deletedNow(run.info.run_name.slice(0, 100)),
      undo: () => restoreRun(queries, runId),
    });
  }
}
