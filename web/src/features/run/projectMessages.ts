/** Words of the run page about projects and sweeps. */
import { formatCount } from "@/ui/format";

export const projectMessages = {
  project: "Project",
  uri: "Project",
  version: "Version",
  entryPoint: "Entry point",
  environment: "Environment",
  backend: "Backend",
  reason: "Why it ended",
  from: "Started from",
  queue: "Queue",
  job: "Job",
  agent: "Agent",
  attempt: "Attempt",
  note: "Note",
  again: "Run again with changes",
  tooFar: "Its code lies in a folder of one machine, where no agent gets to it. From there, with changes:",
  stopHint: (host: string) => (host ? `To end it, on ${host}:` : "To end it:"),

  reproduceHint: "Checks the code out, makes the environment from its exact pins, runs it and compares.",
  steps: "Step by step, without Assay",

  sweep: "Sweep",
  sweepName: "Name",
  trials: "Trials that have ended",
  ended: (count: number, of: number | undefined) =>
    of === undefined
      ? `${formatCount(count)} trials ended`
      : `${formatCount(count)} of ${formatCount(of)} trials ended`,
  counted: (count: number, word: string) => `${formatCount(count)} ${word}`,
  trialStates: { completed: "completed", pruned: "pruned", failed: "failed" },
  underWay: "under way",
  unfinished: "unfinished",
  goals: { minimize: "Least of", maximize: "Greatest of" },
  bestTrial: "Best trial",
  bestValue: "Its value",
  parallel: "Trials as parallel coordinates",
  curves: "Their curves",
  asTable: "Their table",
} as const;
