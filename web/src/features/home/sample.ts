/** A sample project: a few runs of a made-up training, recorded through the same API as anybody's. */
import { post } from "@/api/client";

export const SAMPLE_TAG = "assay.sample";
const STEPS = 200;
const RATES = [0.01, 0.03, 0.1, 0.3];
const MODELS = ["linear", "deep"];

/** Noise that is the same each time: a small linear congruential generator. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

function metrics(rate: number, deep: boolean, seed: number, start: number) {
  const random = noise(seed);
  const floor = deep ? 0.05 : 0.12;
  return Array.from({ length: STEPS }, (_, step) => {
    const loss = floor + Math.exp(-step * rate * 0.25) + (rate > 0.2 ? 0.2 : 0.04) * random();
    const at = { step, timestamp: start + step * 1000 };
    return [
      { key: "train/loss", value: loss, ...at },
      { key: "val/accuracy", value: Math.min(0.999, 1 - loss * 0.45 + 0.01 * random()), ...at },
    ];
  }).flat();
}

/** Record it; returns the id of its experiment. */
export async function addSample(): Promise<string> {
  const made = await post("/api/assay/v1/experiments/create", {
    name: `sample-${new Date().toISOString().slice(0, 19).replace(/\D/g, "")}`,
    tags: { [SAMPLE_TAG]: "true" },
  });
  const experimentId = made.experiment_id;
  let place = 0;
  for (const model of MODELS) {
    for (const rate of RATES) {
      place += 1;
      const start = Date.now() - (10 - place) * 300_000;
      const run = await post("/api/2.0/mlflow/runs/create", {
        experiment_id: experimentId,
        run_name: `${model}-${rate}`,
        start_time: start,
      });
      const runId = run.run?.info.run_id ?? "";
      await post("/api/assay/v1/runs/log-batch", {
        run_id: runId,
        params: [
          { key: "model", value: model },
          { key: "learning_rate", value: String(rate) },
        ],
        metrics: metrics(rate, model === "deep", place, start),
      });
      await post("/api/2.0/mlflow/runs/update", {
        run_id: runId,
        status: "FINISHED",
        end_time: start + STEPS * 1000,
      });
    }
  }
  return experimentId;
}
