/** Values and places of charts as texts. */
import type { Reading } from "@/charts/lines";
import type { PlaceKind } from "@/charts/plotView";
import { formatDuration, formatNumber, formatTime } from "@/ui/format";
import { messages } from "./messages";

export function formatPlace(x: number, kind: PlaceKind): string {
  if (kind === "time") return formatTime(x);
  return kind === "duration" ? formatDuration(x * 1000) : formatNumber(x);
}

/** Where the reading lies: its place on the axis, and its step and time where these are something else. */
export function placeOf(reading: Reading, kind: PlaceKind): string {
  const { line, at } = reading;
  const parts = [formatPlace(line.x[at]!, kind)];
  const step = line.steps?.[at];
  const time = line.times?.[at];
  if (step !== undefined && step === line.x[at]) parts[0] = messages.step(formatNumber(step));
  else if (step !== undefined) parts.push(messages.step(formatNumber(Math.round(step))));
  if (time !== undefined && kind !== "time") parts.push(formatTime(time));
  return parts.join(" · ");
}

/** With a sign, as differences are written. */
export function formatDelta(value: number): string {
  return value > 0 ? `+${formatNumber(value)}` : formatNumber(value);
}
