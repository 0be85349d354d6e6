/** Changes of runs as they happen: one stream per set of experiments, shared by all who listen on the page. */

import { address } from "./client";
import type { components } from "./schema";

export type RunChange = components["schemas"]["RunChange"];
/** `resync`: so much changed that everything is to be read anew; also sent while only polling works. */
export type LiveEvent = { kind: "run"; change: RunChange } | { kind: "resync" };

const POLL_MS = 5_000;
const GIVE_UP_AFTER = 3;

class Stream {
  private readonly listeners = new Set<(event: LiveEvent) => void>();
  private source: EventSource | null = null;
  private timer = 0;
  private failures = 0;

  constructor(private readonly experimentIds: string[]) {}

  add(listener: (event: LiveEvent) => void): void {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.open();
  }

  remove(listener: (event: LiveEvent) => void): boolean {
    this.listeners.delete(listener);
    if (this.listeners.size) return false;
    this.source?.close();
    this.source = null;
    window.clearInterval(this.timer);
    return true;
  }

  private tell(event: LiveEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  private open(): void {
    const source = new EventSource(address("/api/assay/v1/live", { experiment_ids: this.experimentIds }));
    this.source = source;
    let opened = false;
    source.addEventListener("open", () => {
      // What happened while no stream was open is not told by the new one.
      if (this.failures) this.tell({ kind: "resync" });
      opened = true;
      this.failures = 0;
    });
    source.addEventListener("run", (event) =>
      this.tell({ kind: "run", change: JSON.parse((event as MessageEvent<string>).data) as RunChange }),
    );
    source.addEventListener("resync", () => this.tell({ kind: "resync" }));
    source.addEventListener("error", () => {
      this.failures += 1;
      if (source.readyState === EventSource.CLOSED || (!opened && this.failures >= GIVE_UP_AFTER))
        this.poll();
    });
  }

  private poll(): void {
    this.source?.close();
    this.source = null;
    window.clearInterval(this.timer);
    this.timer = window.setInterval(() => {
      if (!document.hidden) this.tell({ kind: "resync" });
    }, POLL_MS);
  }
}

const streams = new Map<string, Stream>();

/** Listen to some experiments; the answer ends it. */
export function watchRuns(experimentIds: string[], listener: (event: LiveEvent) => void): () => void {
  if (!experimentIds.length) return () => {};
  const key = [...experimentIds].sort().join(",");
  const stream = streams.get(key) ?? new Stream(experimentIds);
  streams.set(key, stream);
  stream.add(listener);
  return () => {
    if (stream.remove(listener)) streams.delete(key);
  };
}
