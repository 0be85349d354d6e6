/** What is known of a tree of files: folders that were read, which are open, and the rows that come of it. */
import { type Entry, type Listing, listFolder, type Order, type Place } from "./place";

interface Folder {
  entries: Entry[];
  /** How many there are, on all pages. */
  total: number;
  token: string | null;
  loading: boolean;
  error: unknown;
}

export type TreeRow =
  | { kind: "entry"; entry: Entry; depth: number; open: boolean; position: number; siblings: number }
  | { kind: "more" | "loading" | "empty"; folder: string; depth: number }
  | { kind: "error"; folder: string; depth: number; error: unknown };

export interface TreeState {
  rows: TreeRow[];
  root: string;
  search: string;
  /** Files that a search found. */
  found: number | null;
  truncated: boolean;
  order: Order;
}

const EMPTY: Folder = { entries: [], total: 0, token: null, loading: false, error: null };
const SEARCH = "\u0000search";

export const BY_NAME: Order = { sort: "name", descending: false };

/** The order when a heading is pressed: the same one turned round, else names from A and sizes from the largest. */
export function nextOrder(order: Order, sort: Order["sort"]): Order {
  return { sort, descending: order.sort === sort ? !order.descending : sort === "size" };
}

export class TreeModel {
  private folders = new Map<string, Folder>();
  private readonly open = new Set<string>([""]);
  private search = "";
  private root = "";
  private truncated = false;
  private abort = new AbortController();
  private readonly listeners = new Set<() => void>();
  private state: TreeState;

  constructor(
    private readonly place: Place,
    private order: Order = BY_NAME,
  ) {
    this.state = { rows: [], root: "", search: "", found: null, truncated: false, order };
  }

  readonly watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly get = (): TreeState => this.state;

  begin(): void {
    if (this.abort.signal.aborted) this.abort = new AbortController();
    const root = this.folders.get("");
    if (!root || (root.loading && !root.entries.length)) this.load("", true);
  }

  stop(): void {
    this.abort.abort();
  }

  isOpen(path: string): boolean {
    return this.open.has(path);
  }

  toggle(path: string, open = !this.open.has(path)): void {
    if (open) this.open.add(path);
    else this.open.delete(path);
    if (open && !this.folders.has(path)) this.load(path, true);
    else this.tell();
  }

  /** Open all folders above a file, so that it is seen. */
  reveal(path: string): void {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) {
      const folder = parts.slice(0, i).join("/");
      if (!this.open.has(folder)) this.toggle(folder, true);
    }
  }

  find(text: string): void {
    this.search = text;
    this.truncated = false;
    this.folders.delete(SEARCH);
    if (text) this.load(SEARCH, true);
    else this.tell();
  }

  /** Another order: folders that were read are read again; what is shown stays until then. */
  sort(order: Order): void {
    this.order = order;
    for (const folder of [...this.folders.keys()]) {
      if (folder !== SEARCH && !this.open.has(folder)) this.folders.delete(folder);
    }
    this.refresh();
  }

  /** The next page of a folder. */
  more(folder: string): void {
    const known = this.folders.get(folder);
    if (known && !known.loading && known.token !== null) this.load(folder, false);
  }

  /** Read everything again that was read; what is shown stays until then. */
  refresh(): void {
    for (const folder of this.folders.keys()) {
      if (folder !== SEARCH) this.load(folder, true);
    }
    if (this.search) this.load(SEARCH, true);
  }

  retry(folder: string): void {
    this.load(folder, true);
  }

  private async load(folder: string, anew: boolean): Promise<void> {
    const before = this.folders.get(folder) ?? EMPTY;
    this.folders.set(folder, { ...before, loading: true, error: null });
    this.tell();
    const { signal } = this.abort;
    const { search: wanted, order } = this;
    try {
      const answer = await listFolder(
        this.place,
        {
          path: folder === SEARCH ? "" : folder,
          search: folder === SEARCH ? wanted : undefined,
          order,
          page_token: anew ? undefined : (before.token ?? undefined),
        },
        signal,
      );
      if (order !== this.order || (folder === SEARCH && wanted !== this.search)) return;
      this.take(folder, answer, anew ? [] : before.entries);
    } catch (error) {
      if (signal.aborted || order !== this.order) return;
      this.folders.set(folder, { ...before, loading: false, error });
    }
    this.tell();
  }

  private take(folder: string, answer: Listing, before: Entry[]): void {
    this.root = answer.root;
    if (folder === SEARCH) this.truncated = answer.truncated;
    this.folders.set(folder, {
      entries: [...before, ...answer.entries],
      total: answer.total,
      token: answer.token,
      loading: false,
      error: null,
    });
  }

  private tell(): void {
    const rows: TreeRow[] = [];
    const found = this.search ? this.folders.get(SEARCH) : undefined;
    this.rowsOf(this.search ? SEARCH : "", 0, rows);
    this.state = {
      rows,
      root: this.root,
      search: this.search,
      found: found && (!found.loading || found.entries.length > 0) ? found.total : null,
      truncated: this.truncated,
      order: this.order,
    };
    for (const listener of this.listeners) listener();
  }

  private rowsOf(path: string, depth: number, rows: TreeRow[]): void {
    const folder = this.folders.get(path);
    if (!folder) return;
    const siblings = folder.total;
    folder.entries.forEach((entry, place) => {
      const open = entry.is_dir && this.open.has(entry.path);
      rows.push({ kind: "entry", entry, depth, open, position: place + 1, siblings });
      if (open) this.rowsOf(entry.path, depth + 1, rows);
    });
    if (folder.error) rows.push({ kind: "error", folder: path, depth, error: folder.error });
    else if (folder.loading && !folder.entries.length) rows.push({ kind: "loading", folder: path, depth });
    else if (folder.token !== null) rows.push({ kind: "more", folder: path, depth });
    else if (!folder.entries.length) rows.push({ kind: "empty", folder: path, depth });
  }
}
