/** The columns of the run table: which are shown, in which order, how wide. Pure. */

import {
  type Column,
  columnId,
  isPointStat,
  MOST_POINT_FIGURES,
  parseColumn,
  type Stat,
} from "@/features/experiment/columns";
import type { Keys } from "@/features/experiment/data";
import { messages } from "./messages";

export interface TableColumn {
  /** As in the address; `s:KEY` is the curve of a metric. */
  id: string;
  kind: "attribute" | "metric" | "param" | "tag" | "spark";
  key: string;
  stat: Stat;
  /** The number that the figure takes, if it takes one. */
  of?: number;
  label: string;
  width: number;
  numeric: boolean;
  pinned: Side | false;
}

/** The edge that a column stays at. */
export type Side = "left" | "right";

export const NAME = "a:run_name";
export const STATUS = "a:status";
export const STARTED = "a:start_time";
export const DURATION = "a:duration";
export const ATTRIBUTES = [
  "run_name",
  "status",
  "start_time",
  "duration",
  "end_time",
  "user_id",
  "run_id",
  "experiment_id",
  "lifecycle_stage",
  "artifact_uri",
] as const;
/** Attributes that every row carries by itself. */
const OF_ROW = new Set(["run_name", "status", "start_time", "end_time", "duration", "user_id", "run_id"]);
const WIDTHS: Record<string, number> = {
  run_name: 260,
  status: 106,
  start_time: 112,
  end_time: 112,
  duration: 112,
  user_id: 100,
  run_id: 250,
  artifact_uri: 280,
};
const DEFAULT_METRICS = 3;
const DEFAULT_PARAMS = 8;
/** The column of boxes at the left. */
export const SELECT_WIDTH = 36;
export const LEAST_WIDTH = 60;
const MOST_WIDTH = 220;
const CHARACTER = 7;
/** Room beside a header's words: padding, sort mark, menu. */
const HEADER_ROOM = 52;

/** Which figure of a metric it is, in a word or three. */
export function statText({ stat, of = 0 }: Pick<TableColumn, "stat" | "of">): string {
  return isPointStat(stat) ? messages.pointStats[stat](of) : messages.stats[stat];
}

/** The metric that a curve column draws. */
export function sparkKey(id: string): string | null {
  return id.startsWith("s:") && id.length > 2 ? id.slice(2) : null;
}

function usualWidth(kind: TableColumn["kind"], key: string, label: string): number {
  if (kind === "attribute") return WIDTHS[key] ?? 140;
  if (kind === "spark") return 130;
  return Math.round(Math.min(MOST_WIDTH, Math.max(96, label.length * CHARACTER + HEADER_ROOM)));
}

/** The column of an id; null for what is none. */
export function tableColumn(
  id: string,
  widths: Record<string, number> = {},
  pinned: Side | false = false,
): TableColumn | null {
  const spark = sparkKey(id);
  const column = spark === null ? parseColumn(id) : null;
  if (spark === null && !column) return null;
  const kind = spark === null ? (column?.kind as TableColumn["kind"]) : "spark";
  const key = spark ?? column?.key ?? "";
  if (kind === "attribute" && !ATTRIBUTES.some((one) => one === key)) return null;
  const stat = (column?.stat ?? "last") as Stat;
  const label = kind === "attribute" ? (messages.attributes[key] ?? key) : key;
  const of = column?.of ?? undefined;
  const shown = stat === "last" ? label : `${label} ${statText({ stat, of })}`;
  return {
    id,
    kind,
    key,
    stat,
    of,
    label,
    width: widths[id] ?? usualWidth(kind, key, shown),
    numeric: kind === "metric" || key === "duration",
    pinned,
  };
}

/** Columns worth seeing first: the usual facts, the metrics most logged, the params that vary. */
export function defaultColumns(keys: Pick<Keys, "metrics" | "params"> | undefined): string[] {
  const metrics = (keys?.metrics ?? []).filter((one) => !one.key.startsWith("system/"));
  const varying = (keys?.params ?? []).filter((one) => one.varies);
  const params = varying.length ? varying : (keys?.params ?? []).slice(0, 3);
  return behindFacts([
    ...metrics
      .slice(0, DEFAULT_METRICS)
      .map((one) => columnId({ kind: "metric", key: one.key, stat: "last" })),
    ...params.slice(0, DEFAULT_PARAMS).map((one) => columnId({ kind: "param", key: one.key, stat: "last" })),
  ]);
}

/** Columns behind the facts that every run has. */
export function behindFacts(ids: string[]): string[] {
  return [NAME, STATUS, STARTED, DURATION, ...ids];
}

/** Room for a difference or a deviation beside the value. */
const BESIDE_VALUE = 48;

/**
 * The columns to draw: those kept at the left first, those kept at the right last, the name always among them. `wide`
 * where values have company.
 */
export function arrange(
  ids: string[],
  pins: Record<Side, string[]>,
  widths: Record<string, number>,
  wide = false,
): TableColumn[] {
  const all = ids.includes(NAME) ? ids : [NAME, ...ids];
  const sideOf = (id: string) =>
    pins.left.includes(id) ? "left" : pins.right.includes(id) && id !== NAME && "right";
  const columns = all.flatMap((id) => {
    const column = tableColumn(id, widths, sideOf(id));
    if (column && wide && column.kind === "metric" && !(id in widths)) column.width += BESIDE_VALUE;
    return column ?? [];
  });
  return (["left", false, "right"] as const).flatMap((side) => columns.filter((one) => one.pinned === side));
}

/** What the server has to be asked for; null for what every row carries, and for curves. */
export function asked(column: TableColumn): Column | null {
  if (column.kind === "spark") return null;
  if (column.kind === "attribute" && OF_ROW.has(column.key)) return null;
  const { kind, key, stat, of } = column;
  return of === undefined ? { kind, key, stat } : { kind, key, stat, of };
}

/** Without the figures that are more than the server reads for groups at once: those show none of their own. */
export function groupable<T>(columns: T[], statOf: (column: T) => string | undefined): T[] {
  let left = MOST_POINT_FIGURES;
  return columns.filter((one) => !isPointStat(statOf(one)) || left-- > 0);
}

/** `list` with `id` put where `before` stands; at the end without it. */
export function moved(list: string[], id: string, before: string | null): string[] {
  if (id === before) return list;
  const rest = list.filter((one) => one !== id);
  const at = before === null ? rest.length : rest.indexOf(before);
  return at < 0 ? list : [...rest.slice(0, at), id, ...rest.slice(at)];
}

/** `list` with `id` moved by `by` places. */
export function shifted(list: string[], id: string, by: number): string[] {
  const at = list.indexOf(id);
  const to = Math.min(list.length - 1, Math.max(0, at + by));
  if (at < 0 || to === at) return list;
  const rest = list.filter((one) => one !== id);
  return [...rest.slice(0, to), id, ...rest.slice(to)];
}
