/** Figures of servers put together: by version, by minute, and what they say of a deployment. */
import type { Deployment } from "@/features/registry/data";
import type { Figures, Told } from "./data";

export const MINUTES = 60;
const MINUTE_MS = 60_000;
/** A server that told nothing for so long has stopped, or can't reach the registry. */
const SILENT_MS = 30_000;

export interface Minute {
  time: number;
  requests: number;
  failed: number;
  /** The bound, in seconds, that half and 95 % of the answers kept; null: none, or slower than all bounds. */
  p50: number | null;
  p95: number | null;
}
export interface VersionFigures {
  name: string;
  version: number;
  servers: Told[];
  /** The last hour, the oldest first, and the one in progress at the end. */
  minutes: Minute[];
  requests: number;
  refused: number;
  failed: number;
  p50: number | null;
  p95: number | null;
}
/** `answering`: its server told lately; `silent`: it told, and doesn't now; `noted`: it never tells. */
export type State = "ended" | "answering" | "silent" | "noted";

/** The first bound that a share of the answers kept. */
export function quantile(buckets: number[], bounds: number[], share: number): number | null {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let below = 0;
  for (const [place, count] of buckets.entries()) {
    below += count;
    if (below >= share * all) return bounds[place] ?? null;
  }
  return null;
}

function added(one: number[], other: number[]): number[] {
  return Array.from(
    { length: Math.max(one.length, other.length) },
    (_, at) => (one[at] ?? 0) + (other[at] ?? 0),
  );
}

export const isFresh = (told: Told, now: number): boolean => now - told.time < SILENT_MS;

function together(servers: Told[], { bounds, time }: Figures): VersionFigures {
  const last = Math.floor(time / MINUTE_MS) * MINUTE_MS;
  const slots = Array.from({ length: MINUTES }, (_, at) => ({
    time: last - (MINUTES - 1 - at) * MINUTE_MS,
    requests: 0,
    failed: 0,
    buckets: [] as number[],
  }));
  let [refused, all] = [0, [] as number[]];
  for (const minute of servers.flatMap((server) => server.minutes)) {
    // A clock that is a little ahead belongs to the minute in progress.
    const at = Math.min(MINUTES - 1, MINUTES - 1 + Math.round((minute.time - last) / MINUTE_MS));
    const slot = slots[at];
    if (!slot) continue;
    slot.requests += minute.answered + minute.refused + minute.failed;
    slot.failed += minute.failed;
    slot.buckets = added(slot.buckets, minute.buckets);
    refused += minute.refused;
    all = added(all, minute.buckets);
  }
  return {
    name: servers[0]?.name ?? "",
    version: servers[0]?.version ?? 0,
    servers,
    minutes: slots.map(({ buckets, ...slot }) => ({
      ...slot,
      p50: quantile(buckets, bounds, 0.5),
      p95: quantile(buckets, bounds, 0.95),
    })),
    requests: slots.reduce((sum, slot) => sum + slot.requests, 0),
    refused,
    failed: slots.reduce((sum, slot) => sum + slot.failed, 0),
    p50: quantile(all, bounds, 0.5),
    p95: quantile(all, bounds, 0.95),
  };
}

const ORDER = { main: 0, canary: 1, shadow: 2, former: 3 };

/** By version: what is served first, then canaries, shadows, and what answers no more; of each the newest first. */
export function byVersion(told: Figures, keep: (one: Told) => boolean = () => true): VersionFigures[] {
  const servers = new Map<string, Told[]>();
  for (const one of told.figures.filter(keep)) {
    const key = `${one.name}/${one.version}`;
    servers.set(key, [...(servers.get(key) ?? []), one]);
  }
  const rank = (of: VersionFigures) =>
    Math.min(...of.servers.map((one) => (isFresh(one, told.time) ? ORDER[one.part] : ORDER.former)));
  return [...servers.values()]
    .map((of) => together(of, told))
    .sort((a, b) => rank(a) - rank(b) || b.version - a.version);
}

export function stateOf(deployment: Deployment, told: Figures | undefined): State {
  if (deployment.ended_time !== null) return "ended";
  const own = (told?.figures ?? []).filter((one) => one.deployment_id === deployment.deployment_id);
  if (!told || own.length === 0) return "noted";
  return own.some((one) => isFresh(one, told.time)) ? "answering" : "silent";
}

/** When a deployment's server told something the last time. */
export function lastTold(deployment: Deployment, told: Figures | undefined): number | null {
  const times = (told?.figures ?? [])
    .filter((one) => one.deployment_id === deployment.deployment_id)
    .map((one) => one.time);
  return times.length ? Math.max(...times) : null;
}

/** What servers serve beside the trials: versions by what was asked for, such as `models:/digits@champion`. */
export function mains(told: Figures | undefined, name: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const one of told?.figures ?? []) {
    if (one.name !== name || one.part !== "main" || !isFresh(one, told?.time ?? 0)) continue;
    const versions = found.get(one.source) ?? [];
    if (!versions.includes(one.version)) found.set(one.source, [...versions, one.version]);
  }
  return found;
}
