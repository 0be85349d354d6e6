/** What must be said of a picture so that nobody takes it for more than it is. */
import { seen } from "@/charts/lines";
import type { PlotView } from "@/charts/plotView";
import type { Smoothing } from "@/charts/smoothing";
import { messages } from "./messages";
import type { ChartState } from "./state";

/** The greatest number of points that one place in view stands for. */
function mergedIn({ lines, zoom }: PlotView): number {
  let most = 1;
  for (const line of lines) {
    if (!line.n || line.runId === null) continue;
    const [from, end] = zoom ? seen(line, zoom[0], zoom[1]) : [0, line.n.length];
    for (let i = from; i < end; i++) {
      const inside = !zoom || (line.x[i]! >= zoom[0] && line.x[i]! <= zoom[1]);
      if (inside && line.n[i]! > most) most = line.n[i]!;
    }
  }
  return most;
}

export function notesOf(
  view: PlotView,
  state: ChartState,
  settings: { smooth: Smoothing; amount: number; outliers: number },
  /** What the axis of x is computed from; "" for steps and times. */
  axis: string,
): string[] {
  const notes: string[] = [];
  const points = mergedIn(view);
  const merged = points > 1;
  if (view.dense) notes.push(messages.noteDense(view.lines.length));
  else if (state.group.length) {
    const { aggregates, spreads } = messages;
    notes.push(messages.noteGroup(aggregates[state.agg].toLowerCase(), spreads[state.spread].toLowerCase()));
  }
  if (merged) notes.push(messages.noteBuckets(points));
  if (merged && view.band && !view.dense && !state.group.length) notes.push(messages.noteBand);
  if (merged && settings.smooth !== "none") notes.push(messages.noteSmoothed);
  if (settings.outliers) notes.push(messages.noteClipped(settings.outliers));
  if (axis) notes.push(messages.noteInterpolated(axis));
  return notes;
}
