/** What happened in runs beside their metrics: models that they saved, with step and time. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get, post } from "@/api/client";
import type { Board } from "./board";
import type { BuildRun } from "./build";
import { messages } from "./messages";

const MOST_MODELS = 200;
/** Runs whose steps are asked for; beyond that marks would hide the lines. */
const MOST_RUNS = 20;
const SHORT_ID = 10;

export function useEvents(experimentIds: string[], runs: BuildRun[], enabled: boolean): Board["events"] {
  const ids = runs.map((run) => run.id);
  const { data } = useQuery({
    queryKey: ["chart-events", experimentIds, ids] as const,
    queryFn: async ({ signal }) => {
      const shown = new Set(ids);
      const found = await post(
        "/api/assay/v1/logged-models/search",
        { experiment_ids: experimentIds, max_results: MOST_MODELS },
        signal,
      );
      const models = found.items.filter((model) => model.source_run_id && shown.has(model.source_run_id));
      const sources = [...new Set(models.map((model) => model.source_run_id as string))].slice(0, MOST_RUNS);
      const made = await Promise.all(
        sources.map((runId) => get("/api/assay/v1/runs/get", { run_id: runId }, signal)),
      );
      const steps = new Map(
        made.flatMap((run) => run.outputs.model_outputs.map((one) => [one.model_id, one.step] as const)),
      );
      return models.map((model) => ({
        modelId: model.model_id,
        name: model.name,
        runId: model.source_run_id as string,
        step: steps.get(model.model_id) ?? 0,
        time: model.creation_timestamp,
      }));
    },
    enabled: enabled && ids.length > 0 && experimentIds.length > 0,
    staleTime: 60_000,
  });
  return useMemo(() => {
    const byId = new Map(runs.map((run) => [run.id, run]));
    return (data ?? []).flatMap((model) => {
      const run = byId.get(model.runId);
      if (!run) return [];
      const name = model.name || model.modelId.slice(0, SHORT_ID);
      return [{ ...model, label: messages.eventModel(name, run.name), colour: run.colour }];
    });
  }, [data, runs]);
}
