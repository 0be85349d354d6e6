/** What a queue is given: where a project is, and how it is run there. The server fetches none of it; agents do. */
import type { Job } from "./data";
import { type Declared, emptyCounts, parseDeclared, problemOfBadNumber, problemOfValue } from "./declared";

/** A launch as it was kept, as far as it holds on another machine. */
export interface Launch {
  project: string;
  version: string;
  entryPoint: string;
  parameters: Record<string, string>;
  /** What its entry point declares, as far as that is known. Kept with a run, and not sent to queues. */
  declared: Declared[];
  /** The rest of it: environment, secrets by name, resources, time limit. */
  others: Record<string, unknown>;
}

export type Resources = Job["resources"];

/** Why a project's address is none that an agent can fetch. */
export type Problem =
  | "empty"
  | "odd"
  | "dash"
  | "helper"
  | "local"
  | "scheme"
  | "secret"
  | "folder"
  | "archive";

export const MAX_ADDRESS = 4_000;
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const HELPER = /^[a-z0-9+.-]+::/i;
/** `git@host:path`; what begins with a number behind the colon is a port. */
const SCP = /^(?:[\w.-]+@)?[\w.-]+:(?!\/?\d+$)\S+$/;
const SCHEMES = ["http", "https", "ssh", "git"];
const NOT_PRINTED = /(?! )[\p{C}\p{Z}]/u;
const VERSION = /^[A-Za-z0-9_][\w./+@-]{0,249}$/;
const QUEUE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** Fields that mean something on one machine only, or that the new run has anew. */
const LEFT_OUT = new Set([
  "run_id",
  "experiment_id",
  "tracking_uri",
  "project",
  "version",
  "entry_point",
  "parameters",
  "caller_folder",
  "environment_folder",
  "unset",
  "declared",
]);

/** What an agent would say of a project's address, by the rules of `assay.projects.sources`; null if it may work. */
export function problemOf(project: string): Problem | null {
  const text = project.trim();
  if (!text) return "empty";
  if (text.length > MAX_ADDRESS || NOT_PRINTED.test(text)) return "odd";
  if (text.startsWith("-")) return "dash";
  const bare = text.replace(/^git\+/, "");
  if (HELPER.test(bare)) return "helper";
  const [whole = "", ...after] = bare.split("#");
  if (!isSubfolder(after.join("#"))) return "folder";
  if (whole.startsWith("runs:/")) return /^runs:\/+[^/]+\/.+\.zip$/.test(whole) ? null : "archive";
  const scheme = whole.match(SCHEME)?.[1]?.toLowerCase();
  if (scheme === undefined) return SCP.test(whole) ? null : "local";
  if (scheme === "file") return "local";
  if (!SCHEMES.includes(scheme)) return "scheme";
  const authority = whole.slice(scheme.length + 3).split(/[/?]/, 1)[0] ?? "";
  const user = authority.includes("@") ? authority.slice(0, authority.lastIndexOf("@")) : null;
  if (user !== null && (scheme.startsWith("http") || user.includes(":"))) return "secret";
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return host === "" || host.startsWith("-") || host.startsWith(":") ? "odd" : null;
}

function isSubfolder(text: string): boolean {
  if (text.startsWith("/") || text.includes("\\")) return false;
  const inner = text.replace(/\/+$/, "");
  return inner === "" || inner.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** Only a Git repository has versions. */
export const hasVersions = (project: string): boolean => {
  const place = project.trim().split("#", 1)[0] ?? "";
  return (
    !place.startsWith("runs:/") && !(/^https?:/i.test(place) && /\.zip$/.test(place.split("?")[0] ?? ""))
  );
};

export const isVersion = (text: string): boolean =>
  text === "" || (VERSION.test(text) && !text.includes("..") && !text.includes("@{"));

export const isQueue = (text: string): boolean => QUEUE.test(text);

export const isCommit = (text: string | undefined): text is string => COMMIT.test(text ?? "");

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (value: unknown, fallback = ""): string => (typeof value === "string" ? value : fallback);

/** A launch from its JSON; null for anything else. */
export function parseLaunch(json: string): Launch | null {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch {
    return null;
  }
  if (!isRecord(raw) || typeof raw.project !== "string") return null;
  const given = isRecord(raw.parameters) ? Object.entries(raw.parameters) : [];
  return {
    project: raw.project,
    version: textOf(raw.version),
    entryPoint: textOf(raw.entry_point, "main"),
    parameters: Object.fromEntries(
      given.filter((pair): pair is [string, string] => typeof pair[1] === "string"),
    ),
    declared: parseDeclared(raw.declared),
    others: Object.fromEntries(Object.entries(raw).filter(([key]) => !LEFT_OUT.has(key))),
  };
}

/** The launch of a run that kept none, from what MLflow's clients note of a project's run too. */
export function launchOfTags(tags: Record<string, string>, parameters: Record<string, string>): Launch {
  return {
    project: tags["mlflow.source.name"] ?? "",
    version: tags["mlflow.source.git.commit"] ?? "",
    entryPoint: tags["mlflow.project.entryPoint"] || "main",
    parameters,
    declared: [],
    others: {},
  };
}

/**
 * The launch as an agent can carry it out. A folder of another machine is reached through its repository, where the
 * run started from a commit of one, with nothing uncommitted; null where no agent gets to it.
 */
export function sendable(launch: Launch, tags: Record<string, string>): Launch | null {
  if (problemOf(launch.project) === null) return launch;
  const remote = tags["mlflow.source.git.repoURL"] ?? "";
  const commit = tags["mlflow.source.git.commit"];
  if (!isCommit(commit) || tags["assay.source.git.dirty"] !== "false") return null;
  const folder = tags["assay.source.directory"] ?? ".";
  const project = folder === "." ? remote : `${remote}#${folder}`;
  return problemOf(project) === null ? { ...launch, project, version: commit } : null;
}

/** The resources that a launch asks for, as its job names them. */
export function resourcesOf(launch: Launch): Resources {
  const given = isRecord(launch.others.resources) ? launch.others.resources : {};
  const number = (value: unknown) => (typeof value === "number" && value > 0 ? value : 0);
  return { cpu: number(given.cpu), memory_mb: number(given.memory_mb), gpu: number(given.gpu) };
}

/** The launch as a job carries it. Its agent fills in the address of the server that it serves. */
export const launchJson = (launch: Launch, run: RunIds): string => JSON.stringify(plain(launch, run));

/** The launch as its run keeps it, to be run again from. */
export const keptJson = (launch: Launch, run: RunIds): string =>
  JSON.stringify({
    ...plain(launch, run),
    ...(launch.declared.length > 0 && { declared: launch.declared }),
  });

interface RunIds {
  runId: string;
  experimentId: string;
}

function plain(launch: Launch, run: RunIds): Record<string, unknown> {
  return {
    ...launch.others,
    run_id: run.runId,
    experiment_id: run.experimentId,
    tracking_uri: "",
    project: launch.project.trim(),
    ...(launch.version.trim() && hasVersions(launch.project) ? { version: launch.version.trim() } : {}),
    entry_point: launch.entryPoint.trim() || "main",
    parameters: launch.parameters,
  };
}

/** What is declared for `launch`, which was changed from `before`: other code may declare something else. */
export function stillDeclared(launch: Launch, before: Launch): Declared[] {
  const isSame = (["project", "version", "entryPoint"] as const).every(
    (field) => launch[field].trim() === before[field].trim(),
  );
  return isSame && !Array.isArray(launch.others.command) ? before.declared : [];
}

/** Tags of a run that is started from here: MLflow's of a project's run. */
export function launchTags(launch: Launch, from: string | undefined): Record<string, string> {
  const project = launch.project.trim();
  const place = project.split("#", 1)[0] ?? "";
  const isGit = hasVersions(project);
  const manager = textOf(launch.others.env_manager);
  return {
    "mlflow.source.name": project,
    "mlflow.source.type": "PROJECT",
    "mlflow.project.backend": "queue",
    "mlflow.project.entryPoint": launch.entryPoint.trim() || "main",
    ...(isGit && { "mlflow.source.git.repoURL": place, "mlflow.gitRepoURL": place }),
    ...(isGit && isCommit(launch.version.trim()) && { "mlflow.source.git.commit": launch.version.trim() }),
    ...(manager && { "mlflow.project.env": manager }),
    ...(from && { "assay.project.from_run": from }),
  };
}

export interface ParameterRow {
  id: number;
  name: string;
  value: string;
  /** Whether it came with the declaration of that name, and isn't an extra of that name. */
  isDeclared?: boolean;
  /** Whether its field holds text that isn't the number it must be; its value is empty then. */
  isBad?: boolean;
}

/** Keys of params: what the run can record. */
const NAME = /^\w[\w ./:-]*$/;

/** A value of a record by a name that anyone may have chosen, such as `constructor`. */
export const own = <T>(record: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** A form's rows for a launch: a row for each parameter that is declared, then the extras. */
export function rowsOf({ declared, parameters }: Launch): ParameterRow[] {
  const names = declared.map(({ name }) => name);
  const extras = Object.keys(parameters).filter((name) => !names.includes(name));
  return [...names, ...extras].map((name, id) => ({
    id,
    name,
    value: own(parameters, name) ?? "",
    ...(id < names.length && { isDeclared: true }),
  }));
}

/** The rows that stand for themselves: where nothing is declared, what was left empty and not given is no row. */
export const plainRows = (rows: ParameterRow[], declared: Declared[], given: Record<string, string>) =>
  rows.filter((row) =>
    declared.length > 0
      ? !row.isDeclared
      : !row.isDeclared || row.value !== "" || Object.hasOwn(given, row.name),
  );

export interface Parameters {
  values: Record<string, string>;
  /** Names of extras that can't be one, or are there twice. */
  wrong: string[];
  /** What is wrong with values of declared parameters, by their names. */
  problems: Record<string, string>;
}

/**
 * Parameters from a form's rows; empty rows are left out.
 *
 * `declared` is what the entry point declares, and `given` what the run before was given.
 */
export function parametersOf(
  rows: ParameterRow[],
  declared: Declared[] = [],
  given: Record<string, string> = {},
): Parameters {
  const values = new Map<string, string>();
  const problems = new Map<string, string>();
  for (const one of declared) {
    const row = declaredRow(rows, one.name);
    const before = own(given, one.name);
    const value = row?.value ?? "";
    const problem = row?.isBad ? problemOfBadNumber(one) : problemOfValue(one, value, before);
    if (problem) problems.set(one.name, problem);
    else if (value !== "" || emptyCounts(one, before)) values.set(one.name, value);
  }
  const taken = new Set(declared.map(({ name }) => name));
  const wrong: string[] = [];
  for (const row of plainRows(rows, declared, given)) {
    const name = row.name.trim();
    if (!name && !row.value) continue;
    if (!NAME.test(name) || taken.has(name) || row.value.includes("\0")) wrong.push(name);
    else values.set(name, row.value);
    taken.add(name);
  }
  return { values: Object.fromEntries(values), wrong, problems: Object.fromEntries(problems) };
}

/** The row of a declared parameter; none, if it was taken away while nothing was declared. */
export const declaredRow = (rows: ParameterRow[], name: string): ParameterRow | undefined =>
  rows.find((row) => row.isDeclared && row.name === name);

/** A fresh id of a job. (`randomUUID` is there only where the page came over TLS.) */
export function newJobId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
