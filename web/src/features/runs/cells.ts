/** What stands in a cell, as text: short to read, exact to copy. */

import { zone } from "@/app/preferences";
import { columnName } from "@/features/experiment/columns";
import { formatAgo, formatDuration, formatNumber, formatTime } from "@/ui/format";
import { messages as words } from "@/ui/messages";
import { markOf } from "./marks";
import { messages } from "./messages";
import { type Cell, cellOf, type GroupRecord, type RunRecord } from "./records";
import type { TableColumn } from "./tableColumns";

/** A cell shows no more of a long text: the rest is seen on hover. */
const MOST_SHOWN = 300;

export function cellText(run: RunRecord, column: TableColumn, now: number): string {
  const value = cellOf(run, column.id, now);
  if (value === null || value === undefined) return "";
  switch (column.id) {
    case "a:status":
      return words.statuses[String(value)] ?? String(value);
    case "a:start_time":
    case "a:end_time":
      // The clock of the table stands still between its ticks; what came since is new, not of the future.
      return formatAgoShort(value as number, Math.max(now, value as number));
    case "a:duration":
      return formatDuration(value as number);
    default:
      return typeof value === "number" ? formatNumber(value) : value.slice(0, MOST_SHOWN);
  }
}

const RECENT_MS = 30 * 86_400_000;

/** A time as short as a column is: of what was long ago, the day alone. */
function formatAgoShort(ms: number, now: number): string {
  const date = new Date(ms);
  if (now - ms < RECENT_MS || Number.isNaN(date.getTime())) return formatAgo(ms, now);
  return days[zone()].format(date);
}

/** Made once: making one takes longer than drawing a row. */
const days = {
  utc: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" }),
  local: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
};

/** The whole value, for hover and copying. */
export function exactText(run: RunRecord, column: TableColumn, now: number): string {
  const value = cellOf(run, column.id, now);
  if (value === null || value === undefined) return "";
  if (column.id === "a:start_time" || column.id === "a:end_time") {
    const date = new Date(value as number);
    return Number.isNaN(date.getTime())
      ? String(value)
      : `${formatTime(value as number)} (${date.toISOString()})`;
  }
  return exactValue(value);
}

export function exactValue(value: Cell): string {
  if (value === null) return "";
  if (value === Infinity) return "inf";
  return value === -Infinity ? "-inf" : String(value);
}

/** The figures of a group in words. */
export function figuresText(group: GroupRecord, column: TableColumn): string {
  const figures = group.figures[column.id];
  if (!figures || figures.mean === null) return "";
  const { count, mean, sd, min, max } = figures;
  const text = (value: number | null) => exactValue(value);
  const { direction } = markOf(column.key);
  const best = direction === "none" ? null : figures[direction];
  return messages.figures(count, {
    mean: text(mean),
    sd: text(sd),
    min: text(min),
    max: text(max),
    best: text(best),
  });
}

/** A difference to the baseline with its sign; empty where there is none to tell. */
export function deltaText(value: Cell | undefined, base: Cell | undefined): string {
  if (typeof value !== "number" || typeof base !== "number") return "";
  const delta = value - base;
  if (!Number.isFinite(delta)) return "";
  if (delta === 0) return "±0";
  const size = formatNumber(Number(Math.abs(delta).toPrecision(3)));
  return delta > 0 ? `+${size}` : `−${size}`;
}

/** A row as JSON, with the figures that JSON has no number for as words. */
export function rowJson(run: RunRecord, columns: TableColumn[], now: number): string {
  const row: Record<string, unknown> = { run_id: run.id };
  for (const column of columns) {
    if (column.kind === "spark") continue;
    const value = cellOf(run, column.id, now);
    row[columnName({ ...column, kind: column.kind })] =
      typeof value === "number" && !Number.isFinite(value) ? String(value) : (value ?? null);
  }
  return JSON.stringify(row, null, 2);
}

/** Python that reads the same runs as a data frame. */
export function pandasSnippet(
  server: string,
  query: { experiment_ids: string[]; filter: string; order_by: string[] },
): string {
  return [
    "import assay",
    "",
    `assay.set_tracking_uri(${JSON.stringify(server)})`,
    "runs = assay.search_runs(",
    `    experiment_ids=${JSON.stringify(query.experiment_ids)},`,
    `    filter_string=${JSON.stringify(query.filter)},`,
    ...(query.order_by.length ? [`    order_by=${JSON.stringify(query.order_by)},`] : []),
    ")",
  ].join("\n");
}
