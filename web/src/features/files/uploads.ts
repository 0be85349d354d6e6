/** Files on their way into a run: two at a time, none replaced unasked, each with its own end. */
import { ApiError, address } from "@/api/client";
import { messages } from "./messages";
import { MAX_PATHS, present } from "./place";

/** What is picked or dropped at once; more is a case for a program. */
export const MAX_FILES = 1_000;
const AT_ONCE = 2;

export interface Picked {
  /** Below the run's artifacts. */
  path: string;
  file: File;
}

export type UploadState =
  | { kind: "waiting" }
  | { kind: "sending"; sent: number }
  /** Something of this name is there: it has to be said whether it is replaced. */
  | { kind: "asking"; isFolder: boolean }
  | { kind: "done" }
  | { kind: "failed"; why: string };

export interface Upload extends Picked {
  id: number;
  replace: boolean;
  state: UploadState;
}

type Send = (upload: Upload, onSent: (bytes: number) => void, signal: AbortSignal) => Promise<void>;

export class UploadModel {
  private uploads: Upload[] = [];
  private next = 1;
  private readonly sending = new Map<number, AbortController>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly runId: string,
    private readonly send: Send = sendTo(runId),
    private readonly find = present,
  ) {}

  readonly watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly get = (): Upload[] => this.uploads;

  /** Take files; those whose path is taken wait for a word. */
  async add(picked: Picked[]): Promise<void> {
    const added = picked.map(
      ({ path, file }): Upload => ({
        path,
        file,
        id: this.next++,
        replace: false,
        state: { kind: "waiting" },
      }),
    );
    const paths = new Set(added.map((one) => one.path));
    // What was told of these paths before is no news any more.
    const isLeft = (one: Upload) => !paths.has(one.path) || one.state.kind === "sending";
    const taken = await this.taken([...paths]);
    for (const one of added) {
      const isFolder = taken.get(one.path);
      if (isFolder !== undefined) one.state = { kind: "asking", isFolder };
    }
    this.tell([...this.uploads.filter(isLeft), ...added]);
    this.go();
  }

  replace(ids: number[]): void {
    for (const id of ids) this.change(id, { replace: true, state: { kind: "waiting" } });
    this.go();
  }

  retry(id: number): void {
    this.change(id, { state: { kind: "waiting" } });
    this.go();
  }

  /** Stop it, or take it off the list; nothing of a stopped one is kept. */
  drop(id: number): void {
    this.sending.get(id)?.abort();
    this.tell(this.uploads.filter((one) => one.id !== id));
  }

  /** Take all off the list that are not under way. */
  clear(): void {
    this.tell(this.uploads.filter((one) => one.state.kind === "sending" || one.state.kind === "waiting"));
  }

  /** Whether each path is taken, and by a folder; asking may fail, and then the server still refuses. */
  private async taken(paths: string[]): Promise<Map<string, boolean>> {
    const found = new Map<string, boolean>();
    for (let at = 0; at < paths.length; at += MAX_PATHS) {
      try {
        const entries = await this.find({ run_id: this.runId }, paths.slice(at, at + MAX_PATHS));
        for (const entry of entries) found.set(entry.path, entry.is_dir);
      } catch {
        return found;
      }
    }
    return found;
  }

  private go(): void {
    for (const one of this.uploads) {
      if (this.sending.size >= AT_ONCE) return;
      if (one.state.kind === "waiting" && !this.sending.has(one.id)) void this.begin(one);
    }
  }

  private async begin(upload: Upload): Promise<void> {
    const abort = new AbortController();
    this.sending.set(upload.id, abort);
    this.change(upload.id, { state: { kind: "sending", sent: 0 } });
    const onSent = (sent: number) => this.change(upload.id, { state: { kind: "sending", sent } });
    try {
      await this.send(upload, onSent, abort.signal);
      this.change(upload.id, { state: { kind: "done" } });
    } catch (error) {
      if (!abort.signal.aborted) this.change(upload.id, { state: failed(error) });
    } finally {
      this.sending.delete(upload.id);
      this.go();
    }
  }

  private change(id: number, to: Partial<Upload>): void {
    this.tell(this.uploads.map((one) => (one.id === id ? { ...one, ...to } : one)));
  }

  private tell(uploads: Upload[]): void {
    this.uploads = uploads;
    for (const listener of this.listeners) listener();
  }
}

function failed(error: unknown): UploadState {
  if (error instanceof ApiError) {
    if (error.status === 412) return { kind: "asking", isFolder: false };
    if (error.status === 0) return { kind: "failed", why: messages.uploads.broken };
    if (error.status === 401 || error.status === 403) return { kind: "failed", why: messages.uploads.denied };
    if (error.status === 413) return { kind: "failed", why: messages.uploads.tooLarge };
  }
  return { kind: "failed", why: error instanceof Error ? error.message : String(error) };
}

/** Sends a file with what only this older way of asking can tell: how much of it is gone. */
const sendTo =
  (runId: string): Send =>
  ({ path, file, replace }, onSent, signal) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", address("/ajax-api/2.0/mlflow/upload-artifact", { run_uuid: runId, path }));
      request.setRequestHeader("content-type", "application/octet-stream");
      if (!replace) request.setRequestHeader("if-none-match", "*");
      request.upload.onprogress = (event) => onSent(event.loaded);
      request.onerror = () => reject(new ApiError(0, "NETWORK", messages.uploads.broken));
      request.onabort = () => reject(new ApiError(0, "ABORTED", messages.uploads.broken));
      request.onload = () => {
        if (request.status === 200) resolve();
        else reject(refusal(request));
      };
      signal.addEventListener("abort", () => request.abort(), { once: true });
      request.send(file);
    });

function refusal(request: XMLHttpRequest): ApiError {
  try {
    const { error_code, message } = JSON.parse(request.responseText);
    return new ApiError(request.status, String(error_code ?? ""), String(message));
  } catch {
    return new ApiError(request.status, "", request.responseText.slice(0, 500) || request.statusText);
  }
}

const models = new Map<string, UploadModel>();

/** The uploads of a run: they go on while other pages are looked at. */
export function uploadsOf(runId: string): UploadModel {
  const known = models.get(runId) ?? new UploadModel(runId);
  models.set(runId, known);
  return known;
}
