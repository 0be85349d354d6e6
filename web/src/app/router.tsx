/** The addresses of the UI. Each page is a chunk of its own, loaded when a link to it is hovered or followed. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type SearchSchemaInput,
} from "@tanstack/react-router";
import { ROOT } from "@/api/client";
import { parseExperimentSearch } from "@/features/experiment/search";
import { NotFound, PageError, Shell } from "./Shell";

export interface RunSearch {
  tab?: string;
  /** The file that is open on the tab of files. */
  path?: string;
  line?: number;
  /** The experiment page's query that the run was opened from, so that j and k go on in its order. */
  from?: string;
}

export interface VersionSearch {
  tab?: string;
  /** Another version to compare with. */
  with?: string;
  path?: string;
  line?: number;
}

export interface QueueSearch {
  queue?: string;
  /** Which jobs; those that haven't ended if left out. */
  show?: "open" | "ended" | "all";
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;

type Raw = Record<string, unknown> & SearchSchemaInput;

const rootRoute = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: PageError,
});

const home = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: (raw: Raw) => ({ q: text(raw.q), sort: text(raw.sort), folder: text(raw.folder) }),
  component: lazyRouteComponent(() => import("@/features/home/HomePage"), "HomePage"),
});

const experiment = createRoute({
  getParentRoute: () => rootRoute,
  path: "/experiments/$ids",
  validateSearch: parseExperimentSearch,
  component: lazyRouteComponent(() => import("@/features/experiment/ExperimentPage"), "ExperimentPage"),
});

const run = createRoute({
  getParentRoute: () => rootRoute,
  path: "/runs/$runId",
  validateSearch: (raw: Raw): RunSearch => ({
    tab: text(raw.tab),
    path: text(raw.path),
    line: typeof raw.line === "number" ? raw.line : undefined,
    from: text(raw.from),
  }),
  component: lazyRouteComponent(() => import("@/features/run/RunPage"), "RunPage"),
});

const models = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models",
  validateSearch: (raw: Raw) => ({ q: text(raw.q), sort: text(raw.sort) }),
  component: lazyRouteComponent(() => import("@/features/registry/ModelsPage"), "ModelsPage"),
});

const model = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models/$name",
  validateSearch: (raw: Raw): VersionSearch => ({ tab: text(raw.tab), with: text(raw.with) }),
  component: lazyRouteComponent(() => import("@/features/registry/ModelPage"), "ModelPage"),
});

const version = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models/$name/$version",
  validateSearch: (raw: Raw): VersionSearch => ({
    tab: text(raw.tab),
    with: text(raw.with),
    path: text(raw.path),
    line: typeof raw.line === "number" ? raw.line : undefined,
  }),
  component: lazyRouteComponent(() => import("@/features/registry/VersionPage"), "VersionPage"),
});

const loggedModel = createRoute({
  getParentRoute: () => rootRoute,
  path: "/logged-models/$modelId",
  validateSearch: (raw: Raw): VersionSearch => ({
    tab: text(raw.tab),
    path: text(raw.path),
    line: typeof raw.line === "number" ? raw.line : undefined,
  }),
  component: lazyRouteComponent(() => import("@/features/registry/LoggedModelPage"), "LoggedModelPage"),
});

const requests = createRoute({
  getParentRoute: () => rootRoute,
  path: "/requests",
  validateSearch: (raw: Raw) => ({ box: text(raw.box), q: text(raw.q), status: text(raw.status) }),
  component: lazyRouteComponent(() => import("@/features/registry/RequestsPage"), "RequestsPage"),
});

const deployments = createRoute({
  getParentRoute: () => rootRoute,
  path: "/deployments",
  validateSearch: (raw: Raw) => ({ q: text(raw.q), ended: raw.ended === true ? true : undefined }),
  component: lazyRouteComponent(() => import("@/features/serving/DeploymentsPage"), "DeploymentsPage"),
});

const deployment = createRoute({
  getParentRoute: () => rootRoute,
  path: "/deployments/$id",
  component: lazyRouteComponent(() => import("@/features/serving/DeploymentPage"), "DeploymentPage"),
});

const queues = createRoute({
  getParentRoute: () => rootRoute,
  path: "/queues",
  validateSearch: (raw: Raw): QueueSearch => ({
    queue: text(raw.queue),
    show: raw.show === "ended" || raw.show === "all" ? raw.show : undefined,
  }),
  component: lazyRouteComponent(() => import("@/features/jobs/JobsPage"), "JobsPage"),
});

const settings = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/settings/SettingsPage"), "SettingsPage"),
});

const shortcuts = createRoute({
  getParentRoute: () => rootRoute,
  path: "/shortcuts",
  component: lazyRouteComponent(() => import("@/features/settings/ShortcutsPage"), "ShortcutsPage"),
});

const tree = rootRoute.addChildren([
  home,
  experiment,
  run,
  models,
  model,
  version,
  loggedModel,
  deployments,
  deployment,
  requests,
  queues,
  settings,
  shortcuts,
]);

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    basepath: ROOT.pathname,
    defaultPreload: "intent",
    defaultPreloadDelay: 60,
    scrollRestoration: true,
    defaultPendingMs: 150,
    defaultStructuralSharing: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
