/** Words of the pages of deployments and of traffic. */

import { plural } from "@/features/registry/wording";
import { formatCount } from "@/ui/format";

const seconds = (value: number): string =>
  value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`;
const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

export const messages = {
  deployments: "Deployments",
  trail: "Where this is",
  model: "Model",
  version: "Version",
  versionOf: (version: number | string) => `Version ${version}`,
  target: "Target",
  deploymentName: "Name",
  endpoint: "Endpoint",
  state: "State",
  noted: "Noted by",
  since: "Since",
  facts: "Facts",
  id: "Id",
  ended: "Ended",
  showEnded: "Show those that ended",
  filter: "Filter",
  filterHint: "model, target, person, address",
  count: (found: number, all: number) =>
    found === all ? plural(all, "deployment") : `${found} of ${plural(all, "deployment")}`,
  onlyLatest: "Only the latest 1,000 are shown.",
  states: { ended: "ended", answering: "answering", silent: "silent", noted: "noted" },
  stateHints: {
    ended: "Its end was noted.",
    answering: "Its server told its figures within the last half minute.",
    silent: "Its server told its figures within the last hour, and doesn't any more.",
    noted: "It was put to work and its end isn't noted. Its server tells nothing of how it goes.",
  },
  told: "told",
  more: (count: number) => `Show more (${count})`,
  none: "No deployments",
  noneHere: "No deployment of this model is noted.",
  noneHint: "What assay deployments puts to work is noted here:",
  noneFound: "Nothing found",
  noneFoundHint: "Other words may find it, or it has ended.",
  gone: "There is no such deployment",
  goneHint: "It may be among the older ones that are not listed, or the link is wrong.",
  all: "All deployments",
  atWork: "At its place",
  atWorkHint:
    "Health, logs and restarts are at the machine or cluster where it runs, which this server doesn't reach. Type these there:",
  byHand:
    "It was noted by hand or by another program: look after it where it runs. When it has ended, note that here.",
  endDeployment: "Note its end",
  endHint: "It only notes the end: what runs is not stopped.",
  deploymentEnded: "The end of the deployment was noted",

  traffic: "Traffic",
  trafficHint:
    "Servers that serve the model by a stage or an alias carry it out within a second. The audit log keeps each change.",
  trafficBar: "Shares of the requests",
  rest: "the version that is served",
  restOf: (versions: number[]) => versions.map((one) => `version ${one}`).join(", "),
  noTrials: "No version is on trial: the one that is served answers all requests.",
  tryVersion: "Try a version",
  selector: "Which version",
  alias: "Aliases",
  stage: "Stages",
  number: "Versions",
  means: (version: number | null | undefined) => (version == null ? "no version" : `version ${version}`),
  answers: (share: number) => `answers ${share} %`,
  asked: (share: number) => `is asked ${share} %, never answers`,
  canary: "Canary",
  shadow: "Shadow",
  kind: "How",
  kinds: {
    canary: "Canary: it answers its share of the requests",
    shadow: "Shadow: it is asked too, and never answers",
  },
  share: "Percent of the requests",
  exactly: "Exactly",
  sticky: "Sticky header",
  stickyHint: "The same value is answered by the same version. Empty: as it was.",
  stickyBy: (header: string) => `The same value of the header ${header} is answered by the same version.`,
  limits: (abort: { errors: number | null; slower: number | null; shift: number | null; after: number }) => {
    const parts = [
      abort.errors === null ? "" : `fails ${percent(abort.errors)} more`,
      abort.slower === null ? "" : `is ${abort.slower} times slower`,
      abort.shift === null ? "" : `predicts differently by ${abort.shift}`,
    ].filter(Boolean);
    return parts.length
      ? `A trial ends by itself when the version ${parts.join(", or ")} than the one that is served, after ${plural(abort.after, "prediction")}.`
      : "No trial ends by itself.";
  },
  change: "Change",
  changeOf: (selector: string) => `Change the share of ${selector}`,
  promote: "Promote",
  promoteOf: (selector: string) => `Promote ${selector}`,
  stop: "Stop",
  stopOf: (selector: string) => `Stop the trial of ${selector}`,
  to: "To",
  set: "Set",
  stopHint: "The version that is served answers its share again, within a second.",
  stopShadowHint: "It is asked no more.",
  stopped: (selector: string) => `The trial of ${selector} has ended`,
  isTried: (selector: string, share: number, shadow: boolean) =>
    shadow
      ? `${selector} is asked ${share} % of the requests`
      : `${selector} answers ${share} % of the requests`,
  promoteHint: "All requests are answered by it once it has moved; the trial ends with that.",
  promoted: (selector: string, to: string) => `${selector} was promoted to ${to}`,
  asks: (to: string) => `A request was made to move it to ${to}; the trial goes on until it has moved`,
  notPromoted: "It was not promoted",
  close: "Close",

  live: "The last hour",
  noFigures: "No server tells figures",
  noFiguresHint:
    "A server that follows the registry tells what its versions answer, every few seconds, unless it was started with --no-figures:",
  partOf: (part: "main" | "canary" | "shadow" | "former", share: number) =>
    ({
      main: `served, ${share} %`,
      canary: `canary, ${share} %`,
      shadow: `shadow, ${share} %`,
      former: "answers no more",
    })[part],
  serverCount: (fresh: number, all: number) =>
    fresh === all ? plural(all, "server") : `${fresh} of ${plural(all, "server")} tell`,
  requests: "Requests",
  failed: "Failed",
  refused: "Refused",
  p50: "Median",
  p95: "95th percentile",
  within: (value: number | null, some: boolean) =>
    value !== null ? `≤ ${seconds(value)}` : some ? "> 30 s" : "–",
  failedOf: (failed: number, all: number) =>
    all === 0 ? "–" : `${formatCount(failed)} (${percent(failed / all)})`,
  requestsCurve: "Requests a minute",
  latencyCurve: "95th percentile a minute",
  requestsDrawn: (version: number, all: number, failed: number, most: number) =>
    `Version ${version}: ${plural(all, "request")} in the last hour, ${failed} failed; ${most} in the busiest minute`,
  latencyDrawn: (version: number, worst: number | null) =>
    `Version ${version}: 95th percentile of a minute, at most ${worst === null ? "unknown" : seconds(worst)}`,
  asTable: "As a table",
  minute: "Minute",

  alerts: "What servers noticed",
  noAlerts: "No server noticed anything wrong with a version.",
  alertKinds: {
    trial_ended: "Trial ended",
    not_served: "Can't be served",
    errors: "Predictions fail",
    drift: "Inputs drift",
  } as Record<string, string>,
  allHistory: "All history",
};
