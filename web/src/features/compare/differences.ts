/** Rows of what differs between runs, and the same in sentences. Pure: values in, rows and texts out. */
import { formatDuration, formatNumber } from "@/ui/format";
import { messages } from "./messages";
import { type Cell, meaning, numberOf } from "./values";

export type Section = keyof typeof messages.sections;
export const SECTIONS = Object.keys(messages.sections) as Section[];

export interface Fact {
  section: Section;
  key: string;
  /** One value per run, the baseline's first. */
  values: Cell[];
  differs: boolean;
}

/** Tags that say where and from what a run ran; other tags that start like them are the system's own notes. */
const MEANT: Record<string, Section> = {
  "mlflow.source.git.commit": "code",
  "mlflow.source.git.branch": "code",
  "mlflow.source.git.repoURL": "code",
  "assay.source.git.dirty": "code",
  "mlflow.source.name": "code",
  "mlflow.source.type": "code",
  "assay.command": "code",
  "assay.python": "hardware",
  "assay.host": "hardware",
  "assay.cpu": "hardware",
  "assay.gpu": "hardware",
};
const SYSTEM_TAG = /^(mlflow|assay)\./;

/** The section of a tag; null for the system's notes, which tell nothing about a run. */
export function tagSection(key: string): Section | null {
  return MEANT[key] ?? (SYSTEM_TAG.test(key) ? null : "tags");
}

export function factOf(section: Section, key: string, values: Cell[]): Fact {
  const first = meaning(values[0] ?? null);
  return { section, key, values, differs: values.some((value) => meaning(value) !== first) };
}

export function factName(fact: Pick<Fact, "key" | "section">): string {
  const known = fact.section !== "params" && fact.section !== "metrics" && fact.section !== "tags";
  return (known && messages.facts[fact.key]) || fact.key;
}

export function valueText(fact: Pick<Fact, "key" | "section">, value: Cell): string {
  if (value === null) return "";
  if (fact.section === "run" && fact.key === "duration") return formatDuration(Number(value));
  if (fact.section === "metrics") return formatNumber(value);
  return String(value);
}

/** By how much a metric is above or below the baseline's; null where that says nothing. */
export function delta(value: Cell, base: Cell): number | null {
  const a = numberOf(value);
  const b = numberOf(base);
  if (a === null || b === null || !Number.isFinite(a) || !Number.isFinite(b)) return null;
  // Without the noise of binary fractions: 0.3 - 0.1 is 0.2.
  return Number((a - b).toPrecision(10));
}

const PINNED = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:==\s*([^\s;#]+)|@\s*(\S+))/;

/** Packages of a requirements file by name, and the interpreter's version as `python`. */
export function packagesOf(requirements: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of requirements.split(/\r?\n/)) {
    const python = /^# Python (\S+)/.exec(line);
    if (python) found.set("python", python[1] as string);
    const match = PINNED.exec(line);
    if (match) {
      const name = (match[1] as string).toLowerCase().replace(/[-_.]+/g, "-");
      found.set(name, (match[2] ?? match[3]) as string);
    }
  }
  return found;
}

/** One row per package; runs whose packages are not known have no part in what differs. */
export function packageFacts(lists: (ReadonlyMap<string, string> | null)[]): Fact[] {
  const known = lists.filter((list) => list !== null);
  if (known.length < 2) return [];
  const names = [...new Set(known.flatMap((list) => [...list.keys()]))].sort();
  return names.map((name) => {
    const values = lists.map((list): Cell => list?.get(name) ?? null);
    const told = values.filter((_, i) => lists[i]);
    return { section: "packages", key: name, values, differs: new Set(told).size > 1 };
  });
}

const SHORT = 90;

function quoted(fact: Fact, value: Cell): string {
  const text = valueText(fact, value).replace(/\s+/g, " ");
  return text.length > SHORT ? `${text.slice(0, SHORT - 30)}…${text.slice(-20)}` : text || "“”";
}

function sentence(fact: Fact, at: number): string | null {
  const words = messages.sentences;
  const base = fact.values[0] ?? null;
  const value = fact.values[at] ?? null;
  if (meaning(base) === meaning(value)) return null;
  const name = factName(fact);
  const what = name.length > SHORT ? `${name.slice(0, SHORT)}…` : name;
  if (value === null) return words.gone(what, quoted(fact, base));
  if (base === null) return words.added(what, quoted(fact, value));
  const by = fact.section === "metrics" ? delta(value, base) : null;
  if (by !== null && by > 0) return words.up(what, quoted(fact, value), formatNumber(by));
  if (by !== null && by < 0) return words.down(what, quoted(fact, value), formatNumber(-by));
  return words.changed(what, quoted(fact, value), quoted(fact, base));
}

export interface Sentences {
  section: Section;
  parts: string[];
  /** How many more there are. */
  more: number;
}

/** What tells a run from the baseline, causes before results; `at` is the run's place in the facts' values. */
export function sentencesOf(facts: readonly Fact[], at: number, most = 12): Sentences[] {
  const order: Section[] = ["params", "data", "code", "packages", "hardware", "tags", "run", "metrics"];
  return order.flatMap((section): Sentences[] => {
    const parts = facts.flatMap((fact) => (fact.section === section ? (sentence(fact, at) ?? []) : []));
    if (!parts.length) return [];
    return [{ section, parts: parts.slice(0, most), more: Math.max(0, parts.length - most) }];
  });
}
