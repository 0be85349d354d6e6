/** Panels and the sections they stand in, made from the keys of metrics. */
import type { ChartState, PanelSpec } from "./state";

export interface Section {
  /** What the keys have before their first slash; "" for keys without one. */
  name: string;
  kind: "added" | "metrics" | "new" | "system";
  panels: PanelSpec[];
  folded: boolean;
}

export const SYSTEM = "system";
const MAX_PATTERN = 200;
/** The number of a device or process in the name of a system metric: `system/gpu_1_power_usage_watts`. */
const DEVICE = /((?:^|[/_])(?:gpu|process|rank|node|worker|core)[_/]?)\d+(?=$|[/_])/;

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Order as people count: `layer2` before `layer10`. */
export function naturally(a: string, b: string): number {
  return natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * A test for texts: a regular expression, or plain text where it is none, or one that could run forever. Patterns come
 * from addresses too, and a repeated group that repeats inside takes time without bound.
 */
export function matcher(pattern: string): (text: string) => boolean {
  const trimmed = pattern.trim();
  if (!trimmed) return () => true;
  const lower = trimmed.toLowerCase();
  const plain = (text: string) => text.toLowerCase().includes(lower);
  if (trimmed.length > MAX_PATTERN || /\([^)]*[+*}|][^)]*\)\s*[+*{]/.test(trimmed)) return plain;
  try {
    const expression = new RegExp(trimmed, "i");
    return (text) => expression.test(text);
  } catch {
    return plain;
  }
}

export function sectionOf(key: string): string {
  const slash = key.indexOf("/");
  return slash > 0 ? key.slice(0, slash) : "";
}

export function panelTitle(panel: PanelSpec): string {
  if (panel.title) return panel.title;
  if (panel.expr) return panel.expr;
  if (panel.pattern) return `/${panel.pattern}/`;
  return (panel.keys ?? []).join(", ");
}

/** The keys that a panel shows; `all` are the known ones. */
export function panelKeys(panel: PanelSpec, all: string[], most = 50): string[] {
  const named = panel.keys ?? [];
  if (!panel.pattern) return named;
  const fits = matcher(panel.pattern);
  return [...new Set([...named, ...all.filter(fits)])].slice(0, most);
}

/** A short stand-in for a key, to remember a thousand of them in a layout. */
export function keyMark(key: string): string {
  let value = 2166136261;
  for (let i = 0; i < key.length; i++) value = Math.imul(value ^ key.charCodeAt(i), 16777619);
  return (value >>> 0).toString(36);
}

/** The sections of a page of charts. `known` are marks of the keys that the layout was made with; null for all. */
export function makeSections(
  keys: string[],
  state: Pick<ChartState, "find" | "extra" | "changes" | "moves" | "flipped">,
  known: ReadonlySet<string> | null = null,
): Section[] {
  const fits = matcher(state.find);
  const groups = new Map<string, Section>();
  const put = (kind: Section["kind"], name: string, panel: PanelSpec) => {
    const changed = { ...panel, ...state.changes[panel.id] };
    if (changed.gone || !(fits(panelTitle(changed)) || (changed.keys ?? []).some(fits))) return;
    const id = `${kind}:${name}`;
    const section = groups.get(id) ?? { name, kind, panels: [], folded: false };
    section.panels.push(changed);
    groups.set(id, section);
  };
  for (const panel of state.extra) put("added", "", panel);
  const sorted = [...keys].sort(naturally);
  const devices = byDevice(sorted);
  for (const key of sorted) {
    const name = sectionOf(key);
    const device = devices.get(key);
    if (device) {
      if (device.keys?.[0] === key) put("system", name, device);
      continue;
    }
    const fresh = known !== null && !known.has(keyMark(key));
    const kind = name === SYSTEM ? "system" : fresh ? "new" : "metrics";
    put(kind, kind === "new" ? "" : name, { id: `k:${key}`, keys: [key] });
  }
  const order = ["added", "metrics", "new", "system"];
  const sections = [...groups.values()].sort(
    (a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || naturally(a.name, b.name),
  );
  const searching = state.find.trim() !== "";
  return sections.map((section) => ({
    ...section,
    folded: !searching && (section.kind === "system") !== state.flipped.includes(sectionId(section)),
    panels: moved(section.panels, state.moves),
  }));
}

/** What a machine logs of each of several devices or processes shares a panel: the key of each, and that panel. */
function byDevice(keys: string[]): Map<string, PanelSpec> {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    if (sectionOf(key) !== SYSTEM) continue;
    const name = key.replace(DEVICE, "$1*");
    if (name !== key) groups.set(name, [...(groups.get(name) ?? []), key]);
  }
  const found = new Map<string, PanelSpec>();
  for (const [name, own] of groups) {
    if (own.length < 2) continue;
    const panel = { id: `k:${name}`, title: name, keys: own };
    for (const key of own) found.set(key, panel);
  }
  return found;
}

export function sectionId(section: Pick<Section, "kind" | "name">): string {
  return `${section.kind}:${section.name}`;
}

function moved(panels: PanelSpec[], moves: [string, number][]): PanelSpec[] {
  const result = [...panels];
  for (const [id, to] of moves) {
    const from = result.findIndex((panel) => panel.id === id);
    if (from >= 0) result.splice(Math.min(to, result.length - 1), 0, ...result.splice(from, 1));
  }
  return result;
}

/** Note a move; the last one of a panel counts. */
export function withMove(moves: [string, number][], id: string, to: number): [string, number][] {
  return [...moves.filter(([moved]) => moved !== id), [id, Math.max(0, to)]];
}
