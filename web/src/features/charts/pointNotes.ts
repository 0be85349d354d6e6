/**
 * Notes on points: a text at a step of a run's metric, kept as one tag of the run that everybody who sees the run reads.
 * The tag may have been written by anything, so each part is read with its own rule.
 */
import { get, post } from "@/api/client";

export const NOTES_TAG = "assay.chart_notes";
export const MAX_NOTE = 500;
/** What a tag of a run holds. */
const MAX_TAG = 8_000;
const MAX_NOTES = 100;

export interface PointNote {
  key: string;
  step: number;
  /** When the point was logged, in milliseconds since 1970: a run that was started again has a step twice. */
  time: number | null;
  text: string;
  /** Who wrote it, as far as they said; "" for nobody. */
  by: string;
}

/** What a note is on: one note a point. */
export type NotePlace = Pick<PointNote, "key" | "step" | "time">;

export const isAt = (note: PointNote, place: NotePlace) =>
  note.key === place.key && note.step === place.step && note.time === place.time;

function parseNote(raw: unknown): PointNote[] {
  if (typeof raw !== "object" || raw === null) return [];
  const { key, step, time, text, by } = raw as Record<string, unknown>;
  if (typeof key !== "string" || typeof text !== "string" || !text) return [];
  if (typeof step !== "number" || !Number.isFinite(step)) return [];
  return [
    {
      key,
      step,
      time: typeof time === "number" && Number.isFinite(time) ? time : null,
      text: text.slice(0, MAX_NOTE),
      by: typeof by === "string" ? by.slice(0, 100) : "",
    },
  ];
}

export function parseNotes(tag: string): PointNote[] {
  if (!tag) return [];
  try {
    const body: unknown = JSON.parse(tag);
    return Array.isArray(body) ? body.slice(0, MAX_NOTES).flatMap(parseNote) : [];
  } catch {
    return [];
  }
}

/** The notes with this one in its place, or without it where its text is empty. */
export function withNote(notes: PointNote[], note: PointNote): PointNote[] {
  const others = notes.filter((one) => !isAt(one, note));
  return note.text ? [...others, note] : others;
}

/** Write a note, or remove it where its text is empty; false if the run has no room for it. */
export async function writeNote(runId: string, note: PointNote): Promise<boolean> {
  // Read anew, as others may have written one since the page was.
  const run = await get("/api/assay/v1/runs/get", { run_id: runId });
  const notes = withNote(parseNotes(run.data.tags[NOTES_TAG] ?? ""), note);
  const value = JSON.stringify(notes);
  if (notes.length > MAX_NOTES || value.length > MAX_TAG) return false;
  if (notes.length) await post("/api/2.0/mlflow/runs/set-tag", { run_id: runId, key: NOTES_TAG, value });
  else await post("/api/2.0/mlflow/runs/delete-tag", { run_id: runId, key: NOTES_TAG });
  return true;
}
