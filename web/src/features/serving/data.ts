/** What the pages of deployments ask the server; keys begin with `registry`, so that its changes refresh them. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { components } from "@/api/schema";
import type { Deployment } from "@/features/registry/data";

type Minute = Required<components["schemas"]["ServedMinute"]>;
export type Told = Omit<Required<components["schemas"]["ServedFigures"]>, "minutes"> & { minutes: Minute[] };
/** What scoring servers told of the last hour. */
export interface Figures {
  figures: Told[];
  /** Of the buckets, in seconds. */
  bounds: number[];
  /** Now, by the server's clock. */
  time: number;
}
export interface Traffic {
  canaries: Record<string, number>;
  shadows: Record<string, number>;
  sticky: string | null;
  abort: { errors: number | null; slower: number | null; shift: number | null; after: number };
  /** What the rule's selectors mean now; null: there is no such version. */
  versions: Record<string, number | null>;
}

/** Servers tell their figures as often. */
const LOOK_EVERY_MS = 5_000;
/** A limit that the rule doesn't name has the value of the format. */
const ABORT = { errors: 0.05, slower: 3, shift: null, after: 100 };

export const figuresQuery = (name?: string) =>
  queryOptions({
    queryKey: ["registry", "figures", name],
    queryFn: async ({ signal }) =>
      (await get("/api/assay/v1/registry/deployments/figures", { name }, signal)) as Figures,
    refetchInterval: LOOK_EVERY_MS,
    placeholderData: keepPreviousData,
  });

export const trafficQuery = (name: string) =>
  queryOptions({
    queryKey: ["registry", "traffic", name],
    queryFn: async ({ signal }): Promise<Traffic> => {
      const { rule, versions } = await get("/api/assay/v1/registry/traffic/get", { name }, signal);
      return {
        canaries: rule.canaries ?? {},
        shadows: rule.shadows ?? {},
        sticky: rule.sticky ?? null,
        abort: { ...ABORT, ...rule.abort },
        versions,
      };
    },
    // Servers take a trial out by themselves.
    refetchInterval: LOOK_EVERY_MS,
  });

export const allDeploymentsQuery = queryOptions({
  queryKey: ["registry", "deployments"],
  queryFn: async ({ signal }) =>
    (await get("/api/assay/v1/registry/deployments/list", {}, signal)).deployments as Deployment[],
  refetchInterval: 3 * LOOK_EVERY_MS,
});
