/** Whose files are shown, and the addresses of what the server tells about them. */
import { type AnswerOf, address, get, post, ROOT } from "@/api/client";

/** A run, a logged model, or a version of a registered model as `name/number`. */
export type Place = { run_id: string } | { model_id: string } | { version: string };

export type Listing = AnswerOf<"/api/assay/v1/files/list", "get">;
export type Entry = Listing["entries"][number];
export type Order = { sort: "name" | "size"; descending: boolean };
export type TextPiece = AnswerOf<"/api/assay/v1/files/text", "get">;
export type FileFacts = AnswerOf<"/api/assay/v1/files/facts", "get">;
export type FileUses = AnswerOf<"/api/assay/v1/files/uses", "get">;
export type Header = AnswerOf<"/api/assay/v1/files/header", "get">;
export type TablePage = AnswerOf<"/api/assay/v1/files/table", "post">;

const BASE = "/api/assay/v1/files";

export function placeKey(place: Place): string {
  return Object.entries(place)
    .map(([kind, name]) => `${kind}:${name}`)
    .join();
}

export const rawUrl = (place: Place, path: string) => address(`${BASE}/raw`, { ...place, path });
export const downloadUrl = (place: Place, path: string) =>
  address(`${BASE}/raw`, { ...place, path, download: 1 });
export const zipUrl = (place: Place, path: string) => address(`${BASE}/zip`, { ...place, path });
/** The server can't know behind which path a proxy put it, and the figure's policy must name that. */
export const figureUrl = (place: Place, path: string) =>
  address(`${BASE}/figure`, { ...place, path, base: ROOT.pathname });

/** A piece of a text; a negative offset counts from its end. */
export function readText(
  place: Place,
  path: string,
  range: { offset: number; limit: number },
  signal?: AbortSignal,
): Promise<TextPiece> {
  return get("/api/assay/v1/files/text", { ...place, path, ...range }, signal);
}

export function listFolder(
  place: Place,
  query: { path: string; page_token?: string; search?: string; order?: Order },
  signal?: AbortSignal,
): Promise<Listing> {
  const { order, ...rest } = query;
  const ordered = order && { sort: order.sort, descending: order.descending ? "1" : undefined };
  return get("/api/assay/v1/files/list", { ...place, ...rest, ...ordered }, signal);
}

/** How many paths can be asked for at once. */
export const MAX_PATHS = 200;

/** Those of some paths that are there. */
export async function present(place: Place, paths: string[], signal?: AbortSignal): Promise<Entry[]> {
  const { entries } = await post("/api/assay/v1/files/present", { ...place, paths }, signal);
  return entries;
}

/** Whether a file is there: asking for one that isn't would be an error on the browser's console. */
export async function hasFile(place: Place, path: string, signal?: AbortSignal): Promise<boolean> {
  const entries = await present(place, [path], signal);
  return entries.some((entry) => !entry.is_dir);
}

export const factsQuery = (place: Place, path: string) => ({
  queryKey: ["files", "facts", placeKey(place), path],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    get("/api/assay/v1/files/facts", { ...place, path }, signal),
  staleTime: 30_000,
  retry: false,
});

export const usesQuery = (place: Place, path: string) => ({
  queryKey: ["files", "uses", placeKey(place), path],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    get("/api/assay/v1/files/uses", { ...place, path }, signal),
  staleTime: 30_000,
  retry: false,
});

export const headerQuery = (place: Place, path: string) => ({
  queryKey: ["files", "header", placeKey(place), path],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    get("/api/assay/v1/files/header", { ...place, path }, signal),
  staleTime: 30_000,
  retry: false,
});

/** The address by which Assay's and MLflow's clients know a file. */
export function clientUri(place: Place, path: string): string {
  const root =
    "run_id" in place
      ? `runs:/${place.run_id}`
      : `models:/${"model_id" in place ? place.model_id : place.version}`;
  return path ? `${root}/${path}` : root;
}

const quotedPython = (text: string) => JSON.stringify(text);
/** One word of a POSIX shell, whatever it holds. */
export const quotedShell = (text: string) =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;

export function pythonSnippet(place: Place, path: string): string {
  const uri = quotedPython(clientUri(place, path));
  return `import assay\n\nlocal_path = assay.artifacts.download_artifacts(${uri})`;
}

/** The command that fetches a file; the command line knows files of runs only. */
export function cliSnippet(place: Place, path: string): string | null {
  if (!("run_id" in place)) return null;
  return `assay artifacts get ${place.run_id}${path ? ` ${quotedShell(path)}` : ""}`;
}
