/** What the pages of models ask the server. All keys begin with `registry`, so that one change refreshes them. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ApiError, get, type JsonNumber, post, toNumber } from "@/api/client";
import type { components } from "@/api/schema";
import { quoted } from "@/features/experiment/columns";

export type Model = components["schemas"]["OutRegisteredModel"];
export type Version = components["schemas"]["OutVersion"];
export type Gate = Required<components["schemas"]["GateResult"]>;
export type Vote = Required<components["schemas"]["Vote"]>;
export type Request = Omit<Required<components["schemas"]["TransitionRequest"]>, "checks" | "votes"> & {
  checks: Gate[];
  votes: Vote[];
};
export type LoggedModel = Required<components["schemas"]["LoggedModel"]>;
export type Deployment = Required<components["schemas"]["Deployment"]>;
export type Place = { version: string } | { model_id: string };

/** A policy taken apart, as `policies/describe` tells it. */
export interface Policy {
  stages: string[];
  /** `A -> B`, `*` for any; null: every step is allowed. */
  transitions: string[] | null;
  targets: Record<string, TargetRules>;
  rollback_by: string[];
}
export interface TargetRules {
  gates: { place: number; kind: string; condition: string; by_store: boolean }[];
  approvals: Approvals | null;
}
export interface Approvals {
  count: number;
  from: string[];
  author_may_approve: boolean;
  expires_after_ms: number | null;
  signed_in: boolean;
}

export interface Move {
  target: string;
  from: number[];
  to: number[];
}
export type AuditRecord = Omit<components["schemas"]["AuditRecord"], "details"> & {
  details: { moves?: Move[]; target?: string } & Record<string, unknown>;
};
export type LineageNode = Omit<Required<components["schemas"]["LineageNode"]>, "facts"> & {
  facts: Record<string, unknown>;
};
export interface Lineage {
  start: string;
  nodes: LineageNode[];
  edges: { source: string; target: string; relation: string }[];
  truncated: boolean;
}

/** Pages of the audit log that are read at once. */
const AUDIT_PAGE = 10_000;
const MOST_REQUESTS = 1_000;
const MOST_VERSIONS = 10_000;
/** A text beyond it is opened in the files instead. */
const MOST_TEXT = 1 << 20;

export const isMissing = (error: unknown): boolean => error instanceof ApiError && error.status === 404;

export const modelQuery = (name: string) =>
  queryOptions({
    queryKey: ["registry", "model", name],
    queryFn: async ({ signal }) =>
      (await get("/api/2.0/mlflow/registered-models/get", { name }, signal)).registered_model,
  });

export const versionsQuery = (name: string) =>
  queryOptions({
    queryKey: ["registry", "versions", name],
    queryFn: async ({ signal }) =>
      (
        await get(
          "/api/2.0/mlflow/model-versions/search",
          {
            filter: `name = ${quoted(name)}`,
            order_by: ["version_number DESC"],
            max_results: MOST_VERSIONS,
          },
          signal,
        )
      ).model_versions ?? [],
    placeholderData: keepPreviousData,
  });

export const versionQuery = (name: string, version: string) =>
  queryOptions({
    queryKey: ["registry", "version", name, version],
    queryFn: async ({ signal }) =>
      (await get("/api/2.0/mlflow/model-versions/get", { name, version }, signal)).model_version,
  });

export const policyQuery = (name: string) =>
  queryOptions({
    queryKey: ["registry", "policy", name],
    queryFn: async ({ signal }) => {
      const found = await get("/api/assay/v1/registry/policies/describe", { name }, signal);
      return { revision: found.policy, rules: found.description as Policy | null };
    },
    staleTime: 60_000,
  });

export const revisionsQuery = (name: string) =>
  queryOptions({
    queryKey: ["registry", "revisions", name],
    queryFn: async ({ signal }) =>
      (await get("/api/assay/v1/registry/policies/revisions", { name }, signal)).revisions,
  });

export const requestsQuery = (filter: { name?: string; version?: number; statuses?: Request["status"][] }) =>
  queryOptions({
    queryKey: ["registry", "requests", filter],
    queryFn: async ({ signal }) => {
      const query = { ...filter, max_results: MOST_REQUESTS };
      const page = await get("/api/assay/v1/registry/requests/search", query, signal);
      return page.items as Request[];
    },
    placeholderData: keepPreviousData,
  });

export const auditQuery = (name: string) =>
  queryOptions({
    queryKey: ["registry", "audit", name],
    queryFn: async ({ signal }): Promise<AuditRecord[]> => {
      const all: AuditRecord[] = [];
      for (;;) {
        const { records } = await get(
          "/api/assay/v1/registry/audit/page",
          { name, after: all.at(-1)?.seq ?? 0, max_results: AUDIT_PAGE },
          signal,
        );
        all.push(...(records as unknown as AuditRecord[]));
        if (records.length < AUDIT_PAGE) return all;
      }
    },
  });

export const lineageQuery = (kind: string, id: string, direction = "both") =>
  queryOptions({
    queryKey: ["registry", "lineage", kind, id, direction],
    queryFn: async ({ signal }) =>
      (await get(
        "/api/assay/v1/registry/lineage",
        { kind: kind as components["schemas"]["NodeKind"], id, direction: direction as "both", limit: 200 },
        signal,
      )) as unknown as Lineage,
  });

export const deploymentsQuery = (name: string, version?: string) =>
  queryOptions({
    queryKey: ["registry", "deployments", name, version],
    queryFn: async ({ signal }) =>
      (
        await get(
          "/api/assay/v1/registry/deployments/list",
          { name, version: version ? Number(version) : undefined },
          signal,
        )
      ).deployments as Deployment[],
  });

export const signaturesQuery = (name: string, version: string) =>
  queryOptions({
    queryKey: ["registry", "signatures", name, version],
    queryFn: async ({ signal }) =>
      (await get("/api/assay/v1/registry/signatures/list", { name, version: Number(version) }, signal))
        .signatures,
  });

export const loggedModelQuery = (modelId: string | null | undefined) =>
  queryOptions({
    queryKey: ["registry", "logged-model", modelId],
    queryFn: async ({ signal }) =>
      (await get("/api/assay/v1/logged-models/get", { model_id: modelId ?? "" }, signal)) as LoggedModel,
    enabled: Boolean(modelId),
  });

export const runQuery = (runId: string | null | undefined) =>
  queryOptions({
    queryKey: ["registry", "run", runId],
    queryFn: ({ signal }) => get("/api/assay/v1/runs/get", { run_id: runId ?? "" }, signal),
    enabled: Boolean(runId),
  });

/** Names of the files at the top of a model's folder, with their sizes. */
export const folderQuery = (place: Place) =>
  queryOptions({
    queryKey: ["registry", "folder", place],
    queryFn: ({ signal }) => get("/api/assay/v1/files/list", place, signal),
    staleTime: 60_000,
  });

/** A small text file; null where there is none, or where it is too long to be read here. */
export const textQuery = (place: Place, path: string, enabled = true) =>
  queryOptions({
    queryKey: ["registry", "text", place, path],
    queryFn: async ({ signal }) => {
      const piece = await get("/api/assay/v1/files/text", { ...place, path, limit: MOST_TEXT }, signal);
      return piece.binary || piece.end < piece.size ? null : piece.text;
    },
    enabled,
    staleTime: 60_000,
  });

/** What `MLmodel` says, as facts by name. */
export const headerQuery = (place: Place, enabled = true) =>
  queryOptions({
    queryKey: ["registry", "header", place],
    queryFn: ({ signal }) => get("/api/assay/v1/files/header", { ...place, path: "MLmodel" }, signal),
    enabled,
    staleTime: 60_000,
  });

/** The last value of each metric of some runs. */
export const lastMetricsQuery = (runIds: string[]) =>
  queryOptions({
    queryKey: ["registry", "last-metrics", runIds],
    queryFn: async ({ signal }) => {
      const { summaries } = await post("/api/assay/v1/runs/summaries", { run_ids: runIds }, signal);
      const found = new Map<string, Map<string, number>>();
      for (const [run, series] of Object.entries(summaries)) {
        const last = new Map<string, number>();
        for (const one of series) {
          const key = (one.series as unknown as string[])[0];
          const value = toNumber(one.last as JsonNumber);
          if (key !== undefined && value !== null) last.set(key, value);
        }
        found.set(run, last);
      }
      return found;
    },
    enabled: runIds.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
