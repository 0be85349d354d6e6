/** Words of the pages of queues. */
import { formatCount } from "@/ui/format";

const jobs = (count: number) => (count === 1 ? "1 job" : `${formatCount(count)} jobs`);

export const messages = {
  queues: "Queues",
  shows: { open: "Open", ended: "Ended", all: "All" },
  sections: "Which jobs",
  queue: "Queue",
  everyQueue: "Every queue",
  start: "Start a project",
  again: "Run again with changes",
  put: "Put into the queue",
  started: (queue: string) => `In the queue ${queue}: an agent will run it.`,

  states: {
    queued: "Waiting",
    leased: "Taken",
    running: "Running",
    finished: "Finished",
    failed: "Failed",
    cancelled: "Cancelled",
  },
  stopping: "Stopping",
  state: "State",
  run: "Run",
  agent: "Agent",
  noAgent: "none yet",
  attempt: "Attempt",
  attemptOf: (at: number, most: number) => `${at} of ${most}`,
  attemptHint: "How many agents have had it, and how many may be lost with it",
  since: "Queued",
  heard: "Last heard",
  heardHint: "When its agent told that it is at work, or what happened last",
  by: "By",
  reason: "Note",
  actions: "Actions",
  counts: (waiting: number, held: number) => `${formatCount(waiting)} waiting, ${formatCount(held)} at work`,
  ended: (count: number) => `${jobs(count)} shown`,
  more: "Load more",
  untilNow: (name: string) => `Job of ${name}`,

  none: { open: "No job waits or runs", ended: "No job has ended yet", all: "No queue has a job yet" },
  noneHint: "A queue is where runs of projects wait for a machine. Send one, and let a machine take it:",
  nobody:
    "No agent holds a job of this queue. If none is running, start one on the machine that shall do the work:",
  folderHint: "A folder of your own machine goes into a queue from there:",

  cancel: "Cancel",
  cancelJob: "Cancel the job",
  cancelNamed: (name: string) => `Cancel the job of ${name}`,
  keep: "Keep it",
  cancelWaits: (name: string) => `${name} leaves its queue, and its run is marked as killed.`,
  cancelHeld: (name: string, agent: string) =>
    `${agent} ends the command of ${name}, and its run is marked as killed. What it logged so far stays.`,
  cancelled: "It is cancelled.",
  cancelAsked: "Its agent ends it.",
  why: "Reason",

  project: "Project",
  projectHint:
    "A Git address (https, ssh, git@host:path), with #folder for a folder in it; the address of a ZIP archive; or runs:/ID/file.zip, an archive among a run's files. Its agent fetches it.",
  version: "Version",
  versionHint: "Commit, tag or branch; empty for the newest",
  entryPoint: "Entry point",
  parameters: "Parameters",
  parametersHint: "As the command gets them. Their types are checked by the agent, which has the project.",
  declaredHint: "As the entry point declares them. What else is added goes to the command as --name value.",
  required: "required",
  emptyMeans: (preset: string | null, required: boolean) => {
    if (preset !== null) return `Empty: ${preset.slice(0, 60) || "“”"}`;
    return required ? "" : "Left out";
  },
  noParameters: "No parameters: the entry point's defaults hold.",
  parameterName: (at: number) => `Name ${at}`,
  parameterValue: (name: string, at: number) => (name ? `Value of ${name}` : `Value ${at}`),
  addParameter: "Add a parameter",
  removeParameter: (name: string, at: number) => `Remove ${name || `parameter ${at}`}`,
  name: "Name",
  value: "Value",
  experiment: "Experiment",
  runName: "Name of the run",
  runNameHint: "Empty: one is made up",
  queueHint: "Agents of this queue take it",
  kept: (what: string) => `As in the run before: ${what}.`,
  keptNames: {
    command: "its own command",
    env_manager: "how the environment is made",
    environment: "variables",
    secrets: "names of secrets",
    resources: "resources",
    timeout_s: "time limit",
  } as Record<string, string>,
  ownCommand: "This run has a command of its own instead of an entry point; its parameters are only noted.",
  tooFar: "No agent can fetch the code of this run",
  tooFarHint:
    "It lies in a folder of one machine, and not as a clean commit of a repository with an address. Run it again from there:",
  problems: {
    empty: "Say where the project is.",
    odd: "This can't be the address of a project.",
    dash: "An address doesn't begin with a dash.",
    helper: "Helper programs of git (such as ext::) are not run.",
    local: "This is a folder of one machine, which agents can't reach. Give a Git address.",
    scheme: "Agents fetch over https, http, ssh and git.",
    secret: "It holds a user or password, which would be kept with the run. Leave it to the agent's git.",
    folder: "What follows # must be a path inside of the project.",
    archive: "It must name a ZIP archive of a run, as in runs:/ID/code.zip.",
  },
  wrongVersion: "This can't be a commit, a tag or a branch.",
  wrongQueue: "A queue's name has 1 to 100 letters, digits, '.', '_' and '-'.",
  wrongNames: (names: string[]) =>
    `Each parameter needs a name of its own, of letters, digits and . _ - /: ${names.map((name) => name || "“”").join(", ")}`,
} as const;
