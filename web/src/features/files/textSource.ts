/**
 * A text that is read piece by piece and kept as lines. It may grow while it is shown: the last line, which may
 * have been unfinished, is then read again with what follows.
 */
import type { TextPiece } from "./place";

export type ReadPiece = (range: { offset: number; limit: number }, signal: AbortSignal) => Promise<TextPiece>;

export interface TextState {
  version: number;
  /** Lines from here on differ from the version before. */
  changedFrom: number;
  size: number;
  /** Bytes read so far. */
  end: number;
  complete: boolean;
  loading: boolean;
  error: unknown;
  binary: boolean;
  /** First bytes of a binary file, in hexadecimal. */
  head: string;
  encoding: string;
}

const FRESH: TextState = {
  version: 0,
  changedFrom: 0,
  size: 0,
  end: 0,
  complete: false,
  loading: false,
  error: null,
  binary: false,
  head: "",
  encoding: "utf-8",
};
const encoder = new TextEncoder();

export class TextSource {
  /** Only to be read. The same array for the source's whole life, as it may hold a million lines. */
  readonly lines: string[] = [];
  /** Bytes at the start that were left out. */
  start = 0;
  private state: TextState = FRESH;
  private open = false;
  private readonly listeners = new Set<() => void>();
  private abort = new AbortController();
  private reading: Promise<void> | null = null;

  constructor(
    private readonly read: ReadPiece,
    private readonly pieceBytes: number,
  ) {}

  readonly watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly get = (): TextState => this.state;

  /** Begin to read; again after `stop`, as a component that is mounted twice does. */
  begin(): void {
    if (this.abort.signal.aborted) this.abort = new AbortController();
    if (!this.lines.length && !this.reading) this.more();
  }

  stop(): void {
    this.abort.abort();
    this.reading = null;
  }

  /** Read the next piece. */
  more(): Promise<void> {
    if (this.state.complete || this.state.binary) return Promise.resolve();
    return this.one(this.state.end);
  }

  /** Read until `enough` says so, or to the end. */
  async until(enough: () => boolean): Promise<void> {
    while (!this.state.complete && !this.state.binary && !this.state.error && !enough()) {
      await this.more();
      if (this.abort.signal.aborted) return;
    }
  }

  /** Start at the last `bytes` of a text that is larger. */
  async fromEnd(bytes: number): Promise<void> {
    await this.one(0);
    if (this.state.size <= bytes) return;
    this.lines.length = 0;
    this.open = false;
    this.start = this.state.size - bytes;
    await this.one(-bytes);
  }

  /** Read what was added since; a text that became shorter is read anew. */
  async tail(): Promise<void> {
    const last = this.open ? encoder.encode(this.lines.at(-1) ?? "").length : 0;
    await this.one(Math.max(this.start, this.state.end - last));
  }

  private one(offset: number, limit = this.pieceBytes): Promise<void> {
    if (this.reading) return this.reading;
    const reading = this.fetch(offset, limit).finally(() => {
      if (this.reading === reading) this.reading = null;
    });
    this.reading = reading;
    return reading;
  }

  private async fetch(offset: number, limit: number): Promise<void> {
    const { signal } = this.abort;
    this.change({ loading: true, error: null });
    try {
      const piece = await this.read({ offset, limit }, signal);
      if (signal.aborted) return;
      if (piece.size < this.state.end) {
        this.restart();
        await this.fetch(0, limit);
      } else this.take(piece, offset);
    } catch (error) {
      if (!signal.aborted) this.change({ error, loading: false });
    }
  }

  private restart(): void {
    this.lines.length = 0;
    this.open = false;
    this.start = 0;
    this.change({ ...FRESH, version: this.state.version });
  }

  private take(piece: TextPiece, asked: number): void {
    const first = this.lines.length;
    const repeats = this.open && asked >= 0 && piece.offset < this.state.end;
    let changedFrom = first;
    if (piece.text) {
      const found = piece.text.split("\n");
      if (this.open) {
        changedFrom = first - 1;
        const before = repeats ? "" : (this.lines.pop() ?? "");
        if (repeats) this.lines.pop();
        found[0] = before + found[0];
      }
      this.open = !piece.text.endsWith("\n");
      if (!this.open) found.pop();
      for (const line of found) this.lines.push(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
    if (asked < 0) this.start = piece.offset;
    this.change({
      changedFrom,
      size: piece.size,
      end: Math.max(piece.end, piece.offset),
      complete: piece.end >= piece.size,
      loading: false,
      binary: piece.binary,
      head: piece.head,
      encoding: piece.encoding,
    });
  }

  private change(to: Partial<TextState>): void {
    this.state = { ...this.state, ...to, version: this.state.version + 1 };
    for (const listener of this.listeners) listener();
  }
}
