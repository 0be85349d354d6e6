/**
 * Curves for panels, held outside of React. Panels say what they want; all wishes of a frame leave in one query. What
 * is no longer looked at is forgotten, the oldest first, once it takes much memory.
 */
import { type Buckets, queryPoints, querySeries } from "@/api/series";
import { measure } from "@/charts/measure";
import { appendBuckets, fewPoints, isBranched, seriesId, sizeOf } from "./buckets";
import { mayRestart } from "./restarts";

export interface Wish {
  runIds: string[];
  keys: string[];
  /** Buckets per series. */
  count: number;
  firstStep?: number;
  lastStep?: number;
  /** On which buckets have equal widths; linear where it is missing. */
  scale?: "log";
}

interface Entry {
  wish: Range;
  runId: string;
  key: string;
  series: Buckets[];
  bytes: number;
  used: number;
  asked: boolean;
  /** Whether an answer came. */
  there: boolean;
  error: unknown;
}

type Range = Pick<Wish, "count" | "firstStep" | "lastStep" | "scale">;

const MAX_BYTES = 64e6;
const MAX_SERIES = 10_000;
const MAX_KEYS = 1_000;
/** Of one query: several small ones arrive, and are drawn, one after the other. */
const MAX_BUCKETS = 100_000;
/** Queries under way at a time: of the six connections that a browser opens, one hears what changes, one stays free. */
const LANES = 4;
const TAIL_EVERY_MS = 1_000;
const MAX_TAIL = 2_000;

const rangeId = (range: Range) =>
  `${range.count}\n${range.firstStep ?? ""}\n${range.lastStep ?? ""}\n${range.scale ?? ""}`;
const entryId = (runId: string, key: string, range: Range) => `${runId}\n${rangeId(range)}\n${key}`;

class Loader {
  private readonly entries = new Map<string, Entry>();
  private readonly users = new Map<object, { ids: Set<string>; notify: () => void }>();
  private asked = new Map<string, Entry>();
  private readonly dirty = new Map<string, Entry>();
  private frame = 0;
  private tailTimer = 0;
  private clock = 0;
  private held = 0;
  /** While a reader looks at a part, what is new waits. */
  private paused = false;

  /** Say what a panel wants from now on; `notify` is called when some of it came. Returns the end of it. */
  use(user: object, wish: Wish, notify: () => void): () => void {
    const ids = new Set<string>();
    for (const key of wish.keys) {
      for (const runId of wish.runIds) {
        const id = entryId(runId, key, wish);
        ids.add(id);
        let entry = this.entries.get(id);
        if (!entry) {
          const { count, firstStep, lastStep, scale } = wish;
          const range = { count, firstStep, lastStep, scale };
          entry = {
            wish: range,
            runId,
            key,
            series: [],
            bytes: 0,
            used: 0,
            asked: false,
            there: false,
            error: null,
          };
          this.entries.set(id, entry);
        }
        entry.used = ++this.clock;
        if (!entry.there && !entry.asked && !entry.error) this.ask(id, entry);
      }
    }
    this.users.set(user, { ids, notify });
    return () => {
      this.users.delete(user);
    };
  }

  /** What is there of a wish, and whether more is to come. */
  read(wish: Wish): { series: Buckets[]; waiting: boolean; error: unknown } {
    const series: Buckets[] = [];
    let waiting = false;
    let error: unknown = null;
    for (const key of wish.keys) {
      for (const runId of wish.runIds) {
        const entry = this.entries.get(entryId(runId, key, wish));
        if (entry?.there) series.push(...entry.series);
        else if (entry?.error) error = entry.error;
        else waiting = true;
      }
    }
    return { series, waiting, error };
  }

  /** Ask again for what failed. */
  retry(wish: Wish): void {
    for (const key of wish.keys) {
      for (const runId of wish.runIds) {
        const id = entryId(runId, key, wish);
        const entry = this.entries.get(id);
        if (entry?.error) {
          entry.error = null;
          this.ask(id, entry);
        }
      }
    }
  }

  /** Some metrics of a run moved on. */
  moved(runId: string, keys: ReadonlySet<string>): void {
    for (const [id, entry] of this.entries) {
      if (entry.runId !== runId || !keys.has(entry.key)) continue;
      if (entry.wish.firstStep === undefined) this.dirty.set(id, entry);
    }
    this.tailSoon();
  }

  /** Anything may have changed: what is looked at is read anew, the rest is forgotten. */
  resync(): void {
    const inUse = this.inUse();
    for (const [id, entry] of this.entries) {
      if (!inUse.has(id)) this.drop(id, entry);
      else if (entry.there || entry.error) this.ask(id, entry);
    }
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
    if (!paused) this.tailSoon();
  }

  private ask(id: string, entry: Entry): void {
    entry.asked = true;
    this.asked.set(id, entry);
    // A hidden page has no frames.
    if (document.hidden) queueMicrotask(() => this.flush());
    else if (!this.frame) this.frame = requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    this.frame = 0;
    const groups = grouped([...this.asked.values()], (entry) => rangeId(entry.wish));
    this.asked = new Map();
    const waiting = [...groups.values()].flatMap(parts);
    const lane = async () => {
      for (let part = waiting.shift(); part; part = waiting.shift()) await this.fetch(part);
    };
    for (let i = 0; i < LANES; i++) void lane();
  }

  private async fetch(entries: Entry[]): Promise<void> {
    const start = performance.now();
    const range = entries[0]!.wish;
    const runIds = [...new Set(entries.map((entry) => entry.runId))];
    const keys = [...new Set(entries.map((entry) => entry.key))];
    try {
      const found = await querySeries({ runIds, keys, ...range });
      // Where a reader looked closely, points show each up to two a pixel; a first look isn't worth a second query.
      const most = range.count * (range.firstStep === undefined ? 1 : 2);
      const exact = found.filter((one) => fewPoints(one, most));
      const points = exact.length ? await queryPoints(exact, range) : [];
      const merged = found.filter((one) => !exact.includes(one));
      const series = [...(await branched(merged, range)), ...points];
      measure("assay:panel-fetch", start, { series: series.length });
      const byEntry = grouped(series, (one) => `${one.runId}\n${one.key}`);
      for (const entry of entries) this.take(entry, byEntry.get(`${entry.runId}\n${entry.key}`) ?? []);
    } catch (error) {
      for (const entry of entries) {
        entry.asked = false;
        entry.error = error;
      }
    }
    this.tell(entries);
    this.tidy();
  }

  private take(entry: Entry, series: Buckets[]): void {
    const bytes = series.reduce((sum, one) => sum + sizeOf(one), 0);
    this.held += bytes - entry.bytes;
    Object.assign(entry, { series, bytes, asked: false, there: true, error: null });
  }

  private tell(entries: Entry[]): void {
    const ids = new Set(entries.map((entry) => entryId(entry.runId, entry.key, entry.wish)));
    for (const user of this.users.values()) {
      for (const id of user.ids) {
        if (!ids.has(id)) continue;
        user.notify();
        break;
      }
    }
  }

  private inUse(): Set<string> {
    const ids = new Set<string>();
    for (const user of this.users.values()) for (const id of user.ids) ids.add(id);
    return ids;
  }

  private drop(id: string, entry: Entry): void {
    this.held -= entry.bytes;
    this.entries.delete(id);
  }

  private tidy(): void {
    if (this.held <= MAX_BYTES) return;
    const inUse = this.inUse();
    const old = [...this.entries].filter(([id]) => !inUse.has(id)).sort((a, b) => a[1].used - b[1].used);
    for (const [id, entry] of old) {
      if (this.held <= MAX_BYTES / 2) return;
      this.drop(id, entry);
    }
  }

  private tailSoon(): void {
    if (this.tailTimer || this.paused || !this.dirty.size) return;
    this.tailTimer = window.setTimeout(() => {
      this.tailTimer = 0;
      void this.tail();
    }, TAIL_EVERY_MS);
  }

  /** Fetch only the steps that are new, of what is looked at. What isn't is forgotten: it is read whole when it is. */
  private async tail(): Promise<void> {
    if (this.paused) return;
    const inUse = this.inUse();
    const waiting = [...this.dirty];
    this.dirty.clear();
    const fresh: Entry[] = [];
    for (const [id, entry] of waiting) {
      if (this.entries.get(id) !== entry) continue;
      if (!inUse.has(id)) this.drop(id, entry);
      // An answer that is under way may be older than the news.
      else if (entry.asked) this.dirty.set(id, entry);
      else if (entry.series.length === 1 && !isBranched(entry.series[0]!)) fresh.push(entry);
      else this.ask(id, entry);
    }
    for (const part of parts(fresh)) await this.extend(part);
    this.tailSoon();
  }

  private async extend(entries: Entry[]): Promise<void> {
    const lastStep = (entry: Entry) => entry.series[0]?.lastSteps.at(-1) ?? 0;
    const firstStep = Math.min(...entries.map(lastStep)) + 1;
    const runIds = [...new Set(entries.map((entry) => entry.runId))];
    const keys = [...new Set(entries.map((entry) => entry.key))];
    try {
      const found = await querySeries({ runIds, keys, count: MAX_TAIL, firstStep });
      const byEntry = grouped(found, (one) => `${one.runId}\n${one.key}`);
      for (const entry of entries) {
        const news = byEntry.get(`${entry.runId}\n${entry.key}`) ?? [];
        if (!news.length) continue;
        const joint = news.length === 1 ? appendBuckets(entry.series[0]!, news[0]!) : null;
        const id = entryId(entry.runId, entry.key, entry.wish);
        if (joint && joint.steps.length <= 2 * entry.wish.count) this.take(entry, [joint]);
        else this.ask(id, entry);
      }
      this.tell(entries);
    } catch {
      // The next change asks again, and the banner of the page says that the server is away.
      for (const entry of entries) this.dirty.set(entryId(entry.runId, entry.key, entry.wish), entry);
    }
  }
}

/** The series, with branches told apart in those that may have some. */
async function branched(series: Buckets[], range: Range): Promise<Buckets[]> {
  const doubtful = series.filter(mayRestart);
  if (!doubtful.length) return series;
  const runIds = [...new Set(doubtful.map((one) => one.runId))];
  const keys = [...new Set(doubtful.map((one) => one.key))];
  const found = await querySeries({ runIds, keys, ...range, branches: true });
  const byId = new Map(found.map((one) => [seriesId(one), one]));
  return series.map((one) => byId.get(seriesId(one)) ?? one);
}

function grouped<T>(items: T[], of: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(of(item));
    if (group) group.push(item);
    else groups.set(of(item), [item]);
  }
  return groups;
}

/** Cut what is asked into queries that the server takes. */
function parts(entries: Entry[]): Entry[][] {
  if (!entries.length) return [];
  const byKey = grouped(entries, (entry) => entry.key);
  const runs = new Set(entries.map((entry) => entry.runId)).size;
  const perSeries = Math.max(1, entries[0]!.wish.count);
  const most = Math.min(
    MAX_KEYS,
    Math.floor(MAX_SERIES / runs),
    Math.floor(MAX_BUCKETS / (runs * perSeries)),
  );
  const keys = [...byKey.values()];
  const result: Entry[][] = [];
  for (let i = 0; i < keys.length; i += Math.max(1, most)) {
    result.push(keys.slice(i, i + Math.max(1, most)).flat());
  }
  return result;
}

export const loader = new Loader();
