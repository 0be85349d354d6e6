/** What happened in runs beside their metrics: models that they saved, versions that were registered of them, notes. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get, post } from "@/api/client";
import { quoted } from "@/features/experiment/columns";
import { rowsQuery } from "@/features/experiment/data";
import type { BuildRun } from "./build";
import { messages } from "./messages";
import { NOTES_TAG, type PointNote, parseNotes } from "./pointNotes";

const MOST_MODELS = 200;
/** Runs whose steps and versions are asked for; beyond that marks would hide the lines. */
const MOST_RUNS = 20;
const MOST_VERSIONS = 200;
const SHORT_ID = 10;

export interface ChartEvent {
  kind: "model" | "version" | "note";
  id: string;
  runId: string;
  /** Null where it isn't known. */
  step: number | null;
  /** Milliseconds since 1970; null where it isn't known. */
  time: number | null;
  label: string;
  colour: string;
  /** The metric that a note is on. */
  key?: string;
  note?: PointNote;
}

type Found = Omit<ChartEvent, "label" | "colour"> & { labelFor: (run: string) => string };

export function useEvents(experimentIds: string[], runs: BuildRun[], enabled: boolean): ChartEvent[] {
  const ids = runs.map((run) => run.id);
  const made = useQuery({
    queryKey: ["chart-events", experimentIds, ids] as const,
    queryFn: async ({ signal }) => {
      const models = await modelsOf(experimentIds, ids, signal);
      return [...models, ...(await versionsOf(ids, models, signal))];
    },
    enabled: enabled && ids.length > 0 && experimentIds.length > 0,
    staleTime: 60_000,
  });
  const notes = useQuery({
    ...rowsQuery({
      experiment_ids: experimentIds,
      run_ids: ids,
      columns: [{ kind: "tag", key: NOTES_TAG }],
      limit: Math.max(1, ids.length),
      view: "ALL",
    }),
    enabled: enabled && ids.length > 0,
  });
  return useMemo(() => {
    const byId = new Map(runs.map((run) => [run.id, run]));
    const rows = notes.data;
    const noted = (rows?.runs.run_id ?? []).flatMap((runId, i) =>
      notesOfRun(runId, String(rows?.columns[0]?.[i] ?? "")),
    );
    return [...(made.data ?? []), ...noted].flatMap(({ labelFor, ...event }) => {
      const run = byId.get(event.runId);
      return run ? [{ ...event, label: labelFor(run.name), colour: run.colour }] : [];
    });
  }, [made.data, notes.data, runs]);
}

async function modelsOf(experimentIds: string[], runIds: string[], signal: AbortSignal): Promise<Found[]> {
  const shown = new Set(runIds);
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
    kind: "model",
    id: model.model_id,
    runId: model.source_run_id as string,
    step: steps.get(model.model_id) ?? 0,
    time: model.creation_timestamp,
    labelFor: (run) => messages.eventModel(model.name || model.model_id.slice(0, SHORT_ID), run),
  }));
}

/** Versions that were registered from these runs: at the step of the model that they are, where that is known. */
async function versionsOf(runIds: string[], models: Found[], signal: AbortSignal): Promise<Found[]> {
  const filter = `run_id IN (${runIds.slice(0, MOST_RUNS).map(quoted).join(", ")})`;
  const found = await get(
    "/api/2.0/mlflow/model-versions/search",
    { filter, max_results: MOST_VERSIONS },
    signal,
  );
  const steps = new Map(models.map((model) => [model.id, model.step]));
  return (found.model_versions ?? []).flatMap((version): Found[] => {
    const { name, run_id: runId } = version;
    if (!name || !runId) return [];
    const number = String(version.version ?? "");
    const modelId = version.model_id || /^models:\/+(m-[0-9a-f]+)/.exec(version.source ?? "")?.[1] || "";
    return [
      {
        kind: "version",
        id: `${name}\n${number}`,
        runId,
        step: steps.get(modelId) || null,
        time: version.creation_timestamp ?? null,
        labelFor: (run) => messages.eventVersion(name, number, run),
      },
    ];
  });
}

function notesOfRun(runId: string, tag: string): Found[] {
  return parseNotes(tag).map((note) => ({
    kind: "note",
    id: `${runId}\n${note.key}\n${note.step}\n${note.time}`,
    runId,
    step: note.step,
    time: note.time,
    key: note.key,
    note,
    labelFor: () => messages.eventNote(note.text, note.by),
  }));
}
