/** Words of the pages of models. */
import type { AuditRecord } from "./data";
import { moveMessages } from "./moveMessages";
import { versionMessages } from "./versionMessages";
import { plural, short } from "./wording";

export const messages = {
  ...moveMessages,
  ...versionMessages,

  models: "Models",
  trail: "Where this is",
  sections: "Parts of the page",
  more: "Show more",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  choose: "Choose…",
  removed: "removed",
  missing: "none",
  unnamed: "somebody unnamed",
  verifiedName: "The server proved this name",
  everything: "Everything",

  // The list
  searchModels: "Search models",
  searchModelsHint: "words of the name, or tags.team = 'vision'",
  name: "Name",
  latestPerStage: "Latest by stage",
  aliases: "Aliases",
  keyMetric: "Key metric",
  automatic: "Automatic",
  owner: "Owner",
  waits: "Waiting",
  lastChange: "Last change",
  waiting: (count: number) => plural(count, "request"),
  noVersions: "no versions",
  short: (version: string | number) => `v${version}`,
  versionInStage: (version: string, stage: string) =>
    `Version ${version}${stage === "None" ? "" : ` in ${stage}`}`,
  noneFound: "Nothing found",
  noneFoundHint: "Other words, or fewer of them, may find it.",
  noModels: "No registered models yet",
  noModelsHint: "A registered model is a name under which a team keeps versions. This makes the first:",

  // Model page
  modelTabs: {
    board: "Board",
    versions: "Versions",
    serving: "Serving",
    requests: "Requests",
    policy: "Policy",
    history: "History",
  },
  created: "Created",
  changed: "changed",
  moreActions: "More actions",
  rename: "Rename",
  renameHint:
    "Versions, history and policy stay. Programs that name the model by its old name no longer find it.",
  renamed: (from: string, to: string) => `${from} is ${to} now`,
  deleteModel: "Delete the model",
  deleteModelHint: (versions: number) =>
    `This deletes the name with ${plural(versions, "version")} for good. The files stay with their runs, and the history stays in the audit log.`,
  typeName: "Type its name",
  deleted: (what: string) => `${what} was deleted`,
  deleteVersion: "Delete the version",
  deleteVersionHint: "Its number is never given out again. The files stay with their run.",
  noVersionsYet: "No versions yet",
  noVersionsHint: "Open a logged model and register it under this name, or use assay.register_model.",
  compare: "Compare",
  chooseTwo: "Choose two versions",
  compareTwo: (count: number) => (count === 2 ? "Compare" : `Compare (${count} of 2 chosen)`),
  firstOnes: (count: number) => `The first ${count}`,
  metric: "Metric",
  author: "By",
  description: "Description",
  select: (version: string) => `Choose version ${version}`,

  // Writing
  tags: "Tags",
  noTags: "No tags.",
  addTag: "Add a tag",
  editTag: (key: string) => `Edit the tag ${key}`,
  removeTag: (key: string) => `Remove the tag ${key}`,
  tagRemoved: (key: string) => `The tag ${key} was removed`,
  tagKey: "Key",
  tagValue: "Value",
  editDescription: "Edit the description",
  noDescription: "No description.",
  descriptionSaved: "The description was saved",
  markdown: "Markdown",
  alias: "Alias",
  noAliases: "No aliases.",
  setAlias: "Set an alias",
  editAlias: (alias: string) => `Let @${alias} stand for another version`,
  removeAlias: (alias: string) => `Remove @${alias}`,
  aliasSet: (alias: string, version: string) => `@${alias} stands for version ${version} now`,
  aliasAsked: (alias: string, version: string) => `Asked that @${alias} stand for version ${version}`,
  aliasRemoved: (alias: string) => `@${alias} was removed`,

  // History
  history: "History",
  filter: "Filter",
  filterHint: "person, reason, version",
  when: "When",
  who: "Who",
  what: "What",
  change: "Change",
  details: "details",
  verify: "Verify the log",
  whole: (records: number) => `Whole: ${plural(records, "record")} of this server are what was written.`,
  notWhole: (seq: number, why: string) => `Record ${seq} is not what was written: ${why}`,
  copyHead: "Copy the head, to note it elsewhere",
  recordCount: (found: number, all: number) =>
    found === all ? plural(all, "record") : `${found} of ${plural(all, "record")}`,
  moreRecords: (count: number) => `Show more (${count})`,
  origin: (origin: string) => {
    if (!origin.startsWith("http")) return short(origin);
    const agent = origin.split(" ").slice(2).join(" ");
    return agent.startsWith("Mozilla/") ? "in a browser" : `by API: ${short(agent || "unknown program")}`;
  },
  actions: {
    "model.created": "Model created",
    "model.renamed": "Model renamed",
    "model.updated": "Description of the model",
    "model.deleted": "Model deleted",
    "model.tag_set": "Tag of the model set",
    "model.tag_deleted": "Tag of the model removed",
    "version.created": "Version registered",
    "version.updated": "Description of the version",
    "version.deleted": "Version deleted",
    "version.tag_set": "Tag of the version set",
    "version.tag_deleted": "Tag of the version removed",
    "version.signed": "Version signed",
    "alias.set": "Alias set",
    "alias.deleted": "Alias removed",
    "stage.changed": "Stage changed",
    rolled_back: "Rolled back",
    "policy.set": "Policy set",
    "policy.removed": "Policy removed",
    "request.created": "Request made",
    "request.checked": "Gates checked",
    "request.approved": "Request approved",
    "request.rejected": "Request rejected",
    "request.cancelled": "Request taken back",
    "request.refused": "Request refused",
    "request.conflicted": "Request in conflict",
    "request.expired": "Request expired",
    "request.completed": "Request completed",
    "rule.fired": "Rule registered it",
    "deployment.recorded": "Deployment noted",
    "deployment.ended": "Deployment ended",
    "version.alerted": "A server noticed something wrong",
  } as Record<string, string>,
  modelGone: (name: string) => `There is no model ${short(name)}`,
  versionGone: (name: string, version: string) => `${short(name)} has no version ${version.slice(0, 20)}`,
  goneHint: "It may have been deleted or renamed, or the link is wrong.",
  goneBy: (record: AuditRecord) => {
    const when = new Date(record.time).toLocaleString();
    const who = record.actor ? short(record.actor) : "somebody unnamed";
    const why = record.reason ? `: ${record.reason.slice(0, 300)}` : ".";
    const what = record.action === "model.renamed" ? "It was renamed" : "It was deleted";
    return `${what} by ${who} on ${when}${why}`;
  },
  toModel: "The model",
  toModels: "All models",
};
