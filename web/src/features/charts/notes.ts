/** What must be said of a picture so that nobody takes it for more than it is. */
import type { Smoothing } from "@/charts/smoothing";
import { messages } from "./messages";
import type { ChartState } from "./state";
import type { PanelData } from "./usePanel";

export function notesOf(
  { built, view }: Pick<PanelData, "built" | "view">,
  state: ChartState,
  settings: { smooth: Smoothing; amount: number; x: string; outliers: number },
): string[] {
  const notes: string[] = [];
  const merged = built.merged > 1;
  if (view.dense) notes.push(messages.noteDense(view.lines.length));
  else if (state.group.length) {
    const { aggregates, spreads } = messages;
    notes.push(messages.noteGroup(aggregates[state.agg].toLowerCase(), spreads[state.spread].toLowerCase()));
  }
  if (merged) notes.push(messages.noteBuckets(built.merged));
  if (merged && view.band && !view.dense && !state.group.length) notes.push(messages.noteBand);
  if (merged && settings.smooth !== "none") notes.push(messages.noteSmoothed);
  if (settings.outliers) notes.push(messages.noteClipped(settings.outliers));
  if (settings.x.startsWith("m:")) notes.push(messages.noteInterpolated(settings.x.slice(2)));
  return notes;
}
