/** Events of runs as marks of a panel: vertical ones where a model or a version was made, and notes on their points. */
import { type Curve, valueAt } from "@/charts/align";
import type { Line, Mark } from "@/charts/lines";
import type { ChartEvent } from "./events";
import type { NoteDraft } from "./NoteDialog";
import type { AxisX } from "./places";

export interface MarkRequest {
  events: ChartEvent[];
  lines: Line[];
  /** When each run began; of those that are drawn. */
  starts: ReadonlyMap<string, number | null>;
  axis: AxisX["kind"];
  curves: ReadonlyMap<string, Curve> | null;
}

export function marksOf(request: MarkRequest): Mark[] {
  return request.events.flatMap((event) => {
    if (!request.starts.has(event.runId)) return [];
    if (event.kind === "note") return noteOn(request, event) ?? [];
    const x = placeOf(request, event);
    if (x === null || !Number.isFinite(x)) return [];
    return [{ id: event.id, x, y: null, right: false, label: event.label, colour: event.colour }];
  });
}

/** Where an event lies; null where that isn't known. */
function placeOf({ lines, starts, axis, curves }: MarkRequest, event: ChartEvent): number | null {
  const start = starts.get(event.runId);
  if (axis === "wall") return event.time;
  if (axis === "relative") {
    return event.time === null || typeof start !== "number" ? null : (event.time - start) / 1000;
  }
  // Of what was registered when the run was over, the last step is known.
  const step = event.step ?? lastStep(lines, event.runId);
  // A model that was saved without a step has step 0, which says nothing.
  if (step === null || step === 0) return null;
  const curve = curves?.get(event.runId);
  return axis === "step" ? step : curve ? valueAt(curve, step) : null;
}

function lastStep(lines: Line[], runId: string): number | null {
  let last: number | null = null;
  for (const line of lines) {
    if (line.runId !== runId) continue;
    for (const step of line.steps ?? []) if (last === null || step > last) last = step;
  }
  return last;
}

/** The place of a line that is nearest to a step, and of several at that step the nearest in time; -1 without any. */
export function placeNear(line: Line, step: number, time: number | null): number {
  const { steps, times } = line;
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < (steps?.length ?? 0); i++) {
    const away = Math.abs(steps![i]! - step);
    const apart = time === null || !times ? 0 : Math.abs(times[i]! - time);
    if (away > least || (away === least && apart >= nearest)) continue;
    best = i;
    least = away;
    nearest = apart;
  }
  return best;
}

/** What a note on this place of a line would be, or is; null where there can't be one. */
export function noteAt(line: Line, index: number, events: ChartEvent[]): NoteDraft | null {
  const { runId, key, steps, times, label } = line;
  if (!runId || key === null || !steps || index < 0) return null;
  const own = events.find(
    (one) =>
      one.note &&
      one.runId === runId &&
      one.key === key &&
      placeNear(line, one.note.step, one.note.time) === index,
  );
  const place = own?.note ?? { key, step: Math.round(steps[index]!), time: times?.[index] ?? null };
  return { runId, name: label, place, note: own?.note ?? null };
}

function noteOn({ lines, axis }: MarkRequest, event: ChartEvent): Mark | null {
  const line = lines.find((one) => one.runId === event.runId && one.key === event.key);
  if (!line || event.step === null) return null;
  const at = placeNear(line, event.step, event.time);
  if (at < 0) return null;
  const { id, label } = event;
  const x = axis === "step" ? event.step : line.x[at]!;
  return { id, x, y: line.y[at]!, right: line.right, label, colour: line.colour };
}
