/**
 * What a reader sees of an experiment, as it stands in the address: query, columns, selection, charts. Table, charts
 * and comparison are three faces of it. An address from anywhere is hostile: what doesn't parse is left out.
 */
import type { SearchSchemaInput } from "@tanstack/react-router";

export type Tab = "table" | "charts" | "compare";

export const GROUP_FIGURES = ["min", "max", "best"] as const;
export type GroupFigure = (typeof GROUP_FIGURES)[number];

export interface ExperimentSearch {
  tab?: Tab;
  /** The filter as typed: an expression, or plain words that names must contain. */
  q?: string;
  /** Column ids, `-` in front for descending. */
  sort?: string[];
  /** Shown columns in their order; none: chosen from the data. */
  cols?: string[];
  /** Columns that stay at the left. */
  pin?: string[];
  /** Columns that stay at the right. */
  right?: string[];
  /** Widths in pixels that differ from the usual. */
  w?: Record<string, number>;
  /** The column that gives runs their colours. */
  colour?: string;
  /** Columns to group by. */
  group?: string[];
  /** What groups show of a metric; none: its mean and deviation. */
  figure?: GroupFigure;
  /** Selected runs: what charts and comparison show. */
  runs?: string[];
  /** Runs that stay on top. */
  top?: string[];
  /** The run that others are compared with. */
  base?: string;
  /** Runs not drawn. */
  hide?: string[];
  view?: "deleted";
  /** Parents with their children folded under them. */
  nest?: boolean;
  /** Name of the saved view this started from. */
  saved?: string;
  /** The run in the side panel. */
  peek?: string;
  /** State of the charts and of the comparison, which they define themselves. */
  charts?: Record<string, unknown>;
  compare?: Record<string, unknown>;
}

const MAX_LIST = 1_000;

function words(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.map(String).slice(0, MAX_LIST);
  return texts.length ? [...new Set(texts)] : undefined;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function widths(value: unknown): Record<string, number> | undefined {
  const found = Object.entries(record(value) ?? {}).filter(
    (pair): pair is [string, number] => typeof pair[1] === "number" && pair[1] >= 40 && pair[1] <= 2_000,
  );
  return found.length ? Object.fromEntries(found) : undefined;
}

export function parseExperimentSearch(raw: Record<string, unknown> & SearchSchemaInput): ExperimentSearch {
  const tab = raw.tab === "charts" || raw.tab === "compare" ? raw.tab : undefined;
  return {
    tab,
    q: text(raw.q),
    sort: words(raw.sort),
    cols: words(raw.cols),
    pin: words(raw.pin),
    right: words(raw.right),
    w: widths(raw.w),
    colour: text(raw.colour),
    group: words(raw.group),
    figure: GROUP_FIGURES.find((one) => one === raw.figure),
    runs: words(raw.runs),
    top: words(raw.top),
    base: text(raw.base),
    hide: words(raw.hide),
    view: raw.view === "deleted" ? "deleted" : undefined,
    nest: raw.nest === true || undefined,
    saved: text(raw.saved),
    peek: text(raw.peek),
    charts: record(raw.charts),
    compare: record(raw.compare),
  };
}
