/** Changes of runs from the table: shown at once, taken back if the server says no. */
import { type BodyOf, post, send } from "@/api/client";
import { toast, toastError } from "@/ui/Toasts";
import { messages } from "./messages";
import { STAR } from "./Row";
import type { RunRecord } from "./records";
import type { RunStore } from "./store";

type BulkTags = BodyOf<"/api/assay/v1/runs/bulk-tags">;
type BulkLifecycle = BodyOf<"/api/assay/v1/runs/bulk-lifecycle">;
export type Which = Pick<BulkLifecycle, "experiment_ids" | "filter" | "view" | "run_ids" | "except_run_ids">;

async function mlflow(path: string, body: object): Promise<void> {
  await send(`/api/2.0/mlflow/runs/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

export async function rename(store: RunStore, run: RunRecord, name: string): Promise<void> {
  if (!name || name === run.name) return;
  const back = store.patch(run.id, () => ({ name }));
  try {
    await mlflow("update", { run_id: run.id, run_name: name });
  } catch (error) {
    back();
    toastError(error);
  }
}

export async function toggleStar(store: RunStore, run: RunRecord): Promise<void> {
  const starred = Boolean(run.cells[STAR]);
  const key = STAR.slice(2);
  const back = store.patch(run.id, (now) => ({ cells: { ...now.cells, [STAR]: starred ? null : "true" } }));
  try {
    if (starred) await mlflow("delete-tag", { run_id: run.id, key });
    else await mlflow("set-tag", { run_id: run.id, key, value: "true" });
  } catch (error) {
    back();
    toastError(error);
  }
}

export async function setNote(runId: string, note: string): Promise<void> {
  await mlflow("set-tag", { run_id: runId, key: "mlflow.note.content", value: note });
}

interface Result {
  changed: number;
  run_ids: string[];
  failures: { run_id: string; message: string }[];
}

function tellFailures(result: Result): void {
  const first = result.failures[0];
  if (first) toast({ text: messages.failures(result.failures.length, first.message), tone: "bad" });
}

/** Move runs to the bin, or back, with a way back. */
export async function moveRuns(
  which: Which,
  action: BulkLifecycle["action"],
  after: () => void,
): Promise<void> {
  try {
    const result = (await post("/api/assay/v1/runs/bulk-lifecycle", { ...which, action })) as Result;
    tellFailures(result);
    const opposite = action === "delete" ? "restore" : "delete";
    const text = action === "delete" ? messages.deleted(result.changed) : messages.restored(result.changed);
    const whole = result.run_ids.length === result.changed;
    if (result.changed)
      toast({
        text,
        undo: whole ? () => void moveRuns({ run_ids: result.run_ids }, opposite, after) : undefined,
      });
    after();
  } catch (error) {
    toastError(error);
  }
}

export async function changeTags(
  which: Which,
  change: Pick<BulkTags, "action" | "tags" | "keys">,
  after: () => void,
): Promise<void> {
  try {
    const result = (await post("/api/assay/v1/runs/bulk-tags", { ...which, ...change })) as Result;
    tellFailures(result);
    if (change.action === "stop") toast({ text: messages.stopped(result.changed) });
    else toast({ text: messages.tagged(result.changed) });
    after();
  } catch (error) {
    toastError(error);
  }
}
