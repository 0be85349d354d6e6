/** Calls of the server's API, typed by its own description (`schema.ts` is generated from it). */
import type { paths } from "./schema";

type Method = "get" | "post";
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type JsonOf<T> = T extends { content: { "application/json": infer B } } ? B : never;

/** What a POST to `P` takes. */
export type BodyOf<P extends keyof paths> = JsonOf<
  NonNullable<Operation<P, "post"> extends { requestBody?: infer B } ? B : never>
>;
/** What a GET of `P` takes. */
export type QueryOf<P extends keyof paths> =
  Operation<P, "get"> extends {
    parameters: { query?: infer Q };
  }
    ? Q
    : never;
/** Assay's own routes write all fields, those with defaults too; MLflow's leave out what is empty. */
type Complete<T> = T extends (infer I)[]
  ? Complete<I>[]
  : T extends object
    ? { [K in keyof T]-?: Complete<Exclude<T[K], undefined>> }
    : T;
type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: { 200: infer R } } ? JsonOf<R> : never;
/** What a call of `P` answers. */
export type AnswerOf<P extends keyof paths, M extends Method> = P extends `/api/assay/${string}`
  ? Complete<Answer<P, M>>
  : Answer<P, M>;

export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];

/** An answer that says no. `code` is `NETWORK` where there was none at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string = "",
    /** Where in a filter the mistake is, in characters from its start. */
    readonly position: number | null = null,
    readonly length: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether trying the same again later may help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** The server's root, with what a proxy put before it; ends with a slash. */
export const ROOT = new URL("./", document.baseURI);

export function address(path: string, query?: Record<string, unknown>): string {
  const url = new URL(path.replace(/^\//, ""), ROOT);
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(key, String(one));
  }
  return url.toString();
}

/** Tells who wants to know that the server stopped or started answering. */
const watchers = new Set<(reachable: boolean) => void>();
export function onReachable(watcher: (reachable: boolean) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
function tell(reachable: boolean): void {
  for (const watcher of watchers) watcher(reachable);
}

async function failure(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("x-request-id") ?? "";
  const text = await response.text();
  try {
    const body = JSON.parse(text);
    return new ApiError(
      response.status,
      String(body.error_code ?? ""),
      String(body.message ?? text),
      requestId,
      typeof body.position === "number" ? body.position : null,
      typeof body.length === "number" ? body.length : null,
    );
  } catch {
    return new ApiError(response.status, "", text.slice(0, 500) || response.statusText, requestId);
  }
}

/** A request of any kind; throws `ApiError` for what is no success. */
export async function send(path: string, init: RequestInit & { query?: Record<string, unknown> } = {}) {
  const { query, ...rest } = init;
  let response: Response;
  try {
    response = await fetch(address(path, query), { credentials: "same-origin", ...rest });
  } catch (error) {
    if (rest.signal?.aborted) throw error;
    tell(false);
    throw new ApiError(0, "NETWORK", "The server does not answer.");
  }
  tell(true);
  if (!response.ok) throw await failure(response);
  return response;
}

export async function get<P extends PathsWith<"get">>(
  path: P,
  query?: QueryOf<P>,
  signal?: AbortSignal,
): Promise<AnswerOf<P, "get">> {
  const response = await send(path, { query: query as Record<string, unknown>, signal });
  return (await response.json()) as AnswerOf<P, "get">;
}

export async function post<P extends PathsWith<"post">>(
  path: P,
  body: BodyOf<P>,
  signal?: AbortSignal,
): Promise<AnswerOf<P, "post">> {
  const response = await send(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  return (await response.json()) as AnswerOf<P, "post">;
}

/** A number as JSON carries it: NaN and the infinities are words. */
export type JsonNumber = number | "NaN" | "Infinity" | "-Infinity";

export function toNumber(value: JsonNumber | string | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return typeof value === "number" ? value : Number(value);
}
