/** Starting a project through a queue: a run that is to be, then the job that an agent takes. */
import { post, send } from "@/api/client";
import { act } from "@/app/me";
import { LAUNCH_PATH } from "./data";
import { keptJson, type Launch, launchJson, launchTags, newJobId, resourcesOf } from "./launch";

export interface Wanted {
  launch: Launch;
  queue: string;
  experimentId: string;
  runName: string;
  /** Who starts it, where that is known. */
  user: string;
  /** The run whose launch was changed for this one. */
  from?: string;
}

/** Params that one request may carry. */
const PARAMS_AT_ONCE = 100;
const MAX_REASON = 500;

const pairs = (of: Record<string, string>) => Object.entries(of).map(([key, value]) => ({ key, value }));

/** Record the run and put it into the queue; its id. A run that no queue takes is marked as failed, with the reason. */
export async function start(wanted: Wanted): Promise<string> {
  const { launch, experimentId, queue } = wanted;
  const made = await post("/api/2.0/mlflow/runs/create", {
    experiment_id: experimentId,
    run_name: wanted.runName.trim() || undefined,
    start_time: Date.now(),
    user_id: wanted.user || undefined,
    tags: pairs(launchTags(launch, wanted.from)),
  });
  const runId = made.run?.info?.run_id ?? "";
  try {
    const params = pairs(launch.parameters);
    for (let at = 0; at < params.length; at += PARAMS_AT_ONCE) {
      await post("/api/2.0/mlflow/runs/log-batch", {
        run_id: runId,
        params: params.slice(at, at + PARAMS_AT_ONCE),
      });
    }
    await send("/ajax-api/2.0/mlflow/upload-artifact", {
      method: "POST",
      query: { run_uuid: runId, path: LAUNCH_PATH },
      headers: { "content-type": "application/octet-stream" },
      body: keptJson(launch, { runId, experimentId }),
    });
    const json = launchJson(launch, { runId, experimentId });
    await act("/api/assay/v1/jobs/enqueue", {
      job: { job_id: newJobId(), queue, run_id: runId, launch: json, resources: resourcesOf(launch) },
    });
  } catch (error) {
    await giveUp(runId, error).catch(() => {});
    throw error;
  }
  return runId;
}

async function giveUp(runId: string, error: unknown): Promise<void> {
  const why = error instanceof Error ? error.message : String(error);
  await post("/api/2.0/mlflow/runs/set-tag", {
    run_id: runId,
    key: "assay.project.reason",
    value: why.slice(0, MAX_REASON),
  });
  await post("/api/2.0/mlflow/runs/update", { run_id: runId, status: "FAILED", end_time: Date.now() });
}
