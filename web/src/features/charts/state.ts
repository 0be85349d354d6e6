/**
 * What a reader sees of charts, as it stands in the address and in saved layouts: axes, smoothing, panels, zoom. It may
 * come from anywhere, so each part is read with its own rule and left out where it doesn't fit.
 */
import { AGGREGATES, type Aggregate, SPREADS, type Spread } from "@/charts/align";
import { type Range, SCALES, type Scale } from "@/charts/ranges";
import { SMOOTHINGS, type Smoothing } from "@/charts/smoothing";

/** What a reader may change of one panel; what is missing follows the settings of all. */
export interface PanelChange {
  title?: string;
  /** Metrics, by name. */
  keys?: string[];
  /** Metrics, by a regular expression. */
  pattern?: string;
  /** A computation over metrics, in place of them. */
  expr?: string;
  /** Metrics measured at the right axis. */
  right?: string[];
  x?: string;
  y?: Scale;
  smooth?: Smoothing;
  amount?: number;
  outliers?: number;
  min?: number;
  max?: number;
  /** Columns and rows of the grid. */
  wide?: number;
  tall?: number;
  gone?: boolean;
}

export interface PanelSpec extends PanelChange {
  id: string;
}

export interface ChartState {
  find: string;
  cols: number;
  /** `step`, `relative`, `wall`, `m:` and a metric's key, or `e:` and an expression. */
  x: string;
  xScale: Scale;
  y: Scale;
  smooth: Smoothing;
  amount: number;
  outliers: number;
  band: boolean;
  lockY: boolean;
  values: boolean;
  events: boolean;
  /** Sections folded, or unfolded where they usually are folded. */
  flipped: string[];
  /** Panels that were added. */
  extra: PanelSpec[];
  /** Changes of panels, by their id. */
  changes: Record<string, PanelChange>;
  /** Panels moved, one after the other, to a place in their section. */
  moves: [string, number][];
  group: string[];
  agg: Aggregate;
  spread: Spread;
  dash: string;
  colour: string;
  limit: number;
  zoom: Range | null;
  /** The share of the axis of x that is shown while nothing is zoomed, up to its end; 0 for all of it. */
  follow: number;
  /** The panel that fills the window. */
  full: string;
  layout: string;
}

export const LIMITS = [10, 20, 50, 100, 200, 500, 1000];
export const FOLLOWS = [0, 0.5, 0.25, 0.1];
export const OUTLIERS = [0, 1, 2, 5, 10];

export const DEFAULTS: ChartState = {
  find: "",
  cols: 3,
  x: "step",
  xScale: "linear",
  y: "linear",
  smooth: "none",
  amount: 0.6,
  outliers: 0,
  band: true,
  lockY: false,
  values: false,
  events: true,
  flipped: [],
  extra: [],
  changes: {},
  moves: [],
  group: [],
  agg: "mean",
  spread: "sd",
  dash: "",
  colour: "",
  limit: 20,
  zoom: null,
  follow: 0,
  full: "",
  layout: "",
};

const MAX_TEXT = 500;
const MAX_LIST = 200;

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value.length <= MAX_TEXT ? value : undefined;
const texts = (value: unknown): string[] | undefined =>
  Array.isArray(value)
    ? value.filter((one): one is string => text(one) !== undefined).slice(0, MAX_LIST)
    : undefined;
const number = (value: unknown, least = -Infinity, most = Infinity): number | undefined =>
  typeof value === "number" && value >= least && value <= most ? value : undefined;
const flag = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined);
const one = <T>(value: unknown, of: readonly T[]): T | undefined =>
  of.includes(value as T) ? (value as T) : undefined;
const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function dropEmpty<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Given<T>;
}

function parseChange(raw: unknown): PanelChange {
  const from = record(raw);
  return dropEmpty({
    title: text(from.title),
    keys: texts(from.keys),
    pattern: text(from.pattern),
    expr: text(from.expr),
    right: texts(from.right),
    x: text(from.x),
    y: one(from.y, SCALES),
    smooth: one(from.smooth, SMOOTHINGS),
    amount: number(from.amount, 0, 1),
    outliers: number(from.outliers, 0, 40),
    min: number(from.min),
    max: number(from.max),
    wide: number(from.wide, 1, 6),
    tall: number(from.tall, 1, 3),
    gone: flag(from.gone),
  });
}

function parseExtra(raw: unknown): PanelSpec[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  return raw.slice(0, MAX_LIST).flatMap((entry): PanelSpec[] => {
    const id = text(record(entry).id);
    return id ? [{ ...parseChange(entry), id }] : [];
  });
}

function parseZoom(raw: unknown): Range | undefined {
  if (!Array.isArray(raw) || raw.length !== 2) return undefined;
  const [low, high] = raw;
  return Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : undefined;
}

function parseMoves(raw: unknown): [string, number][] | undefined {
  if (!Array.isArray(raw)) return undefined;
  return raw
    .slice(0, MAX_LIST)
    .flatMap((pair): [string, number][] =>
      Array.isArray(pair) && text(pair[0]) !== undefined && number(pair[1], 0, 10_000) !== undefined
        ? [[pair[0], pair[1]]]
        : [],
    );
}

export function parseChartState(raw: Record<string, unknown> | undefined): ChartState {
  const from = raw ?? {};
  const changes = Object.entries(record(from.changes)).slice(0, MAX_LIST);
  return {
    ...DEFAULTS,
    ...dropEmpty({
      find: text(from.find),
      cols: number(from.cols, 1, 6),
      x: text(from.x),
      xScale: one(from.xScale, SCALES),
      y: one(from.y, SCALES),
      smooth: one(from.smooth, SMOOTHINGS),
      amount: number(from.amount, 0, 1),
      outliers: number(from.outliers, 0, 40),
      band: flag(from.band),
      lockY: flag(from.lockY),
      values: flag(from.values),
      events: flag(from.events),
      flipped: texts(from.flipped),
      extra: parseExtra(from.extra),
      changes: Object.fromEntries(changes.map(([id, change]) => [id, parseChange(change)])),
      moves: parseMoves(from.moves),
      group: texts(from.group)?.slice(0, 3),
      agg: one(from.agg, AGGREGATES),
      spread: one(from.spread, SPREADS),
      dash: text(from.dash),
      colour: text(from.colour),
      limit: one(from.limit, LIMITS),
      zoom: parseZoom(from.zoom),
      follow: one(from.follow, FOLLOWS),
      full: text(from.full),
      layout: text(from.layout),
    }),
  };
}

/** The state without what is usual; undefined where nothing is left. */
export function compact(state: ChartState): Record<string, unknown> | undefined {
  const usual = DEFAULTS as unknown as Record<string, unknown>;
  const rest = Object.entries(state).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(usual[key]),
  );
  return rest.length ? Object.fromEntries(rest) : undefined;
}

/** The part of a state that a layout keeps: not where the reader is looking just now. */
export function layoutOf(state: ChartState): Record<string, unknown> {
  return compact({ ...state, zoom: null, full: "", find: "", layout: "" }) ?? {};
}

/** Change one panel; `undefined` in a change takes that part back to what all follow. */
export function withChange(state: ChartState, id: string, change: PanelChange): Partial<ChartState> {
  if (state.extra.some((panel) => panel.id === id)) {
    const extra = state.extra.map((panel) =>
      panel.id === id ? { ...dropEmpty({ ...panel, ...change }), id } : panel,
    );
    return { extra: extra.filter((panel) => !panel.gone) };
  }
  const next = dropEmpty({ ...state.changes[id], ...change });
  const changes = { ...state.changes, [id]: next };
  if (!Object.keys(next).length) delete changes[id];
  return { changes };
}
