/**
 * What the table has read: runs by id, and lists of them in windows. It lives outside React and outlasts the page's
 * absence, so that coming back shows the table at once; what it shows is then read anew behind it. Only windows that
 * are looked at are asked for, with only the columns that are looked at.
 */
import { type AnswerOf, ApiError, post } from "@/api/client";
import { type Column, columnId } from "@/features/experiment/columns";
import type { Rows, RowsRequest } from "@/features/experiment/data";
import { type GroupsRequest, type List, listKey, WINDOW } from "./lists";
import { type Figures, type GroupRecord, type RunRecord, readRows } from "./records";
import { groupable } from "./tableColumns";

/** A column to ask for, with the id it is kept under. */
export interface Wanted {
  id: string;
  column: Column;
}

interface Loaded {
  ids: string[];
  /** Ids of the columns that its rows have. */
  columns: Set<string>;
  generation: number;
}

export interface ListState {
  total: number | null;
  windows: Map<number, Loaded>;
  error: unknown;
  /** When it was looked at last, to forget the oldest. */
  used: number;
}

/** Columns to ask for; `choose`: with those that the server thinks worth seeing first. */
export interface Wish {
  wanted: Wanted[];
  choose: boolean;
}

const MOST_LISTS = 24;
const MOST_NAMED = 1_000;
const MOST_GROUP_COLUMNS = 200;

export class RunStore {
  readonly runs = new Map<string, RunRecord>();
  readonly groups = new Map<string, GroupRecord>();
  private readonly lists = new Map<string, ListState>();
  private readonly busy = new Map<string, AbortController>();
  private readonly listeners = new Set<() => void>();
  private generation = 1;
  private clock = 0;
  version = 0;
  /** The metrics and params that the server thinks worth seeing first, once it was asked and there are some. */
  suggested: string[] | null = null;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly read = (): number => this.version;

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  list(key: string): ListState {
    let found = this.lists.get(key);
    if (!found) {
      found = { total: null, windows: new Map(), error: null, used: 0 };
      this.lists.set(key, found);
      this.forget();
    }
    found.used = ++this.clock;
    return found;
  }

  private forget(): void {
    if (this.lists.size <= MOST_LISTS) return;
    const oldest = [...this.lists].sort((one, other) => one[1].used - other[1].used)[0];
    if (oldest) this.lists.delete(oldest[0]);
  }

  /** The id at a place of a list, if it was read. */
  idAt(key: string, kind: List["kind"], index: number): string | undefined {
    const size = WINDOW[kind];
    return this.lists.get(key)?.windows.get(Math.floor(index / size))?.ids[index % size];
  }

  /** Ask for what is missing of some windows; old content stays until the new is there. */
  need(list: List, windows: number[], { wanted, choose }: Wish): void {
    const key = listKey(list);
    const state = this.list(key);
    // What failed is asked again when a reader says so, not with every look.
    if (state.error !== null) return;
    for (const place of windows) {
      const loaded = state.windows.get(place);
      if (!loaded || loaded.generation !== this.generation) {
        this.load(list, key, place, wanted, choose);
        continue;
      }
      const missing = wanted.filter((one) => !loaded.columns.has(one.id));
      if (!missing.length) continue;
      if (list.kind === "groups") this.load(list, key, place, wanted);
      else this.complete(list, key, place, loaded, missing);
    }
  }

  /** Drop requests for windows that nobody looks at any more. */
  abandon(keep: (key: string, place: number) => boolean): void {
    for (const [id, controller] of this.busy) {
      const at = id.lastIndexOf("@");
      if (!keep(id.slice(0, at), Number.parseInt(id.slice(at + 1), 10))) controller.abort();
    }
  }

  private async load(
    list: List,
    key: string,
    place: number,
    wanted: Wanted[],
    choose = false,
  ): Promise<void> {
    const id = `${key}@${place}`;
    const generation = this.generation;
    await this.once(id, key, async (signal) => {
      const offset = place * WINDOW[list.kind];
      const limit = WINDOW[list.kind];
      const state = this.list(key);
      const columns = wanted.map((one) => one.column);
      let names = wanted.map((one) => one.id);
      let ids: string[];
      if (list.kind === "runs") {
        const which = choose ? { columns: "default" as const, also: columns } : { columns };
        const request: RowsRequest = { ...list.request, ...which, offset, limit };
        const answer = await post("/api/assay/v1/runs/rows", request, signal);
        if (choose) {
          names = answer.chosen.map(columnId);
          const chosen = names.slice(0, names.length - columns.length);
          // Without a metric it is too early to say what will be worth seeing.
          if (chosen.some((id) => id.startsWith("m"))) this.suggested = chosen;
        }
        ids = this.take(answer, names);
        state.total = answer.total;
      } else {
        const { order } = list;
        const shown = wanted.filter((one) => one.column.kind === "metric" && one.id !== order?.id);
        const first: Wanted[] = order ? [order, ...shown] : shown;
        const metrics = groupable(first, (one) => one.column.stat).slice(0, MOST_GROUP_COLUMNS);
        const request: GroupsRequest = {
          ...list.request,
          columns: metrics.map((one) => one.column),
          order_by: order ? { column: 0, descending: order.descending, figure: order.figure } : null,
          offset,
          limit,
        };
        const answer = await post("/api/assay/v1/runs/groups", request, signal);
        ids = this.takeGroups(key, answer, metrics);
        state.total = answer.total;
      }
      state.error = null;
      state.windows.set(place, { ids, columns: new Set(names), generation });
    });
  }

  private async complete(
    list: List & { kind: "runs" },
    key: string,
    place: number,
    loaded: Loaded,
    missing: Wanted[],
  ): Promise<void> {
    const names = missing.map((one) => one.id);
    await this.once(`${key}@${place}`, key, async (signal) => {
      const answer = await post(
        "/api/assay/v1/runs/rows",
        {
          experiment_ids: list.request.experiment_ids,
          run_ids: loaded.ids,
          columns: missing.map((one) => one.column),
          limit: Math.max(1, loaded.ids.length),
        },
        signal,
      );
      this.take(answer, names);
      for (const name of names) loaded.columns.add(name);
    });
  }

  /** One request at a time for one thing; whoever is refused asks again when the version moved. */
  private async once(id: string, key: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.busy.has(id)) return;
    const controller = new AbortController();
    this.busy.set(id, controller);
    try {
      await work(controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.list(key).error = error;
    } finally {
      this.busy.delete(id);
      this.changed();
    }
  }

  private take(answer: Rows, names: string[]): string[] {
    for (const run of readRows(answer, names)) {
      const before = this.runs.get(run.id);
      this.runs.set(run.id, before ? { ...run, cells: { ...before.cells, ...run.cells } } : run);
    }
    return answer.runs.run_id;
  }

  private takeGroups(
    key: string,
    answer: AnswerOf<"/api/assay/v1/runs/groups", "post">,
    metrics: Wanted[],
  ): string[] {
    return answer.groups.map((group) => {
      const id = `${key} ${JSON.stringify(group.key)}`;
      const figures: Record<string, Figures> = {};
      metrics.forEach((one, i) => {
        const found = group.figures[i];
        if (found) figures[one.id] = found as unknown as Figures;
      });
      this.groups.set(id, { id, key: group.key, runs: group.runs, figures });
      return id;
    });
  }

  /** Read named runs, with columns, whatever list they are in. */
  async fetchRuns(experimentIds: string[], runIds: string[], wanted: Wanted[]): Promise<void> {
    const ids = runIds.slice(0, MOST_NAMED);
    if (!ids.length) return;
    const answer = await post("/api/assay/v1/runs/rows", {
      experiment_ids: experimentIds,
      run_ids: ids,
      columns: wanted.map((one) => one.column),
      limit: ids.length,
    });
    this.take(
      answer,
      wanted.map((one) => one.id),
    );
    this.changed();
  }

  /** What an earlier visit left is shown, and read anew behind it. */
  revisit(): void {
    if ([...this.lists.values()].some((list) => list.windows.size > 0 || list.error !== null)) this.refresh();
  }

  /** Everything that is shown is to be read anew; what was read before stays on the screen meanwhile. */
  refresh(): void {
    this.generation += 1;
    for (const list of this.lists.values()) list.error = null;
    this.changed();
  }

  /** Change what is known of runs, one after the other, and draw all of it at once. */
  merge(changes: Iterable<readonly [string, (run: RunRecord) => Partial<RunRecord>]>): void {
    for (const [id, change] of changes) {
      const before = this.runs.get(id);
      if (before) this.runs.set(id, { ...before, ...change(before) });
    }
    this.changed();
  }

  /** Change what is known of a run; the answer takes it back. */
  patch(id: string, change: (run: RunRecord) => Partial<RunRecord>): () => void {
    const before = this.runs.get(id);
    if (!before) return () => {};
    const fields = change(before);
    this.runs.set(id, { ...before, ...fields });
    this.changed();
    return () => {
      const now = this.runs.get(id);
      if (!now) return;
      const back = Object.fromEntries(
        (Object.keys(fields) as (keyof RunRecord)[]).map((field) => [field, before[field]]),
      );
      this.runs.set(id, { ...now, ...back });
      this.changed();
    };
  }

  /** The error of a list that a reader can mend, with its place in the filter. */
  filterError(key: string): ApiError | null {
    const error = this.lists.get(key)?.error;
    return error instanceof ApiError && error.position !== null ? error : null;
  }
}

const kept = new Map<string, RunStore>();
const MOST_STORES = 3;

/** The store of some experiments, the same one for as long as it is among the last that were looked at. */
export function storeOf(experimentIds: string[]): RunStore {
  const key = experimentIds.join(",");
  const store = kept.get(key) ?? new RunStore();
  kept.delete(key);
  kept.set(key, store);
  for (const old of kept.keys()) {
    if (kept.size <= MOST_STORES) break;
    kept.delete(old);
  }
  return store;
}
