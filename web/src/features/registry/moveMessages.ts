/** Words of moves: stages, requests, rollbacks, policies. */
import { formatDuration } from "@/ui/format";
import type { Request } from "./data";
import type { VoteHindrance } from "./rules";
import { either, numbers, plural, short } from "./wording";

const DAY_MS = 86_400_000;

export const moveMessages = {
  // Stages and moves
  noStage: "No stage",
  stage: (stage: string) => (stage === "None" ? "In no stage" : `Stage ${stage}`),
  stageLabel: "Stage",
  version: "Version",
  versions: "Versions",
  versionOf: (version: string | number) => `Version ${version}`,
  versionStatuses: {
    PENDING_REGISTRATION: "Pending",
    FAILED_REGISTRATION: "Failed",
    READY: "Ready",
  } as Record<string, string>,
  moveVersion: (version: string) => `Move version ${version}`,
  moveMenu: "Move",
  moveTo: (stage: string) => `Move to ${stage}…`,
  moveTitle: (version: string) => `Move version ${version}`,
  fromTo: (stage: string) => `From ${stage} to`,
  noStep: (from: string, to: string) => `The policy has no step from ${from} to ${to}`,
  governed: (target: string) =>
    `${target} is governed by a policy: this makes a request, and the version moves once all is met.`,
  governedShort: "Governed by the policy: needs a request",
  free: (stage: string) => `Nothing governs ${stage}: the version moves at once.`,
  emptyLane: "No version",
  moreCards: (count: number) => `${count} more`,
  askedFor: (target: string) => `Asked for ${target}`,
  rolledBack: "Rolled back",
  takesPlaceOf: (versions: number[], target: string) =>
    `${versions.length ? numbers(versions) : "Nobody"} holds ${target} now${versions.length ? " and will be archived" : ""}.`.replace(
      /^v/,
      "V",
    ),
  archiveOthers: (versions: number[]) => `Archive ${numbers(versions)}, which is there now`,
  move: "Move",
  request: "Make the request",
  moved: (version: string, stage: string) => `Version ${version} is in ${stage} now`,
  reason: "Reason",
  reasonHint: "The audit log keeps it.",
  gates: "Gates",
  gatesOf: (target: string) => `Gates of ${target}`,
  noGates: "No gates.",
  judgedAtOnce: "judged at once",
  judgedByWorker: "a worker looks at it",
  approvals: "Approvals",
  voter: (voter: string) =>
    voter === "*" ? "anybody with a name" : voter.startsWith("role:") ? `the role ${voter.slice(5)}` : voter,
  approvalsBy: (count: number, voters: string[]) => `${plural(count, "approval")} by ${either(voters)}`,
  authorMay: "Who asks may approve it too.",
  authorMayNot: "Who asks, and who registered the version, may not approve it.",
  signedInOnly: "Only names that were proved by a token count.",
  expiresAfter: (ms: number) =>
    `A request waits for ${ms % DAY_MS === 0 ? plural(ms / DAY_MS, "day") : formatDuration(ms)} at most.`,
  impact: "What depends on this version",
  noImpact: "Nothing that is known depends on this version.",
  aliasHere: (alias: string) => `the alias @${alias} stands for it`,

  // Requests
  requests: "Requests",
  condition: "Condition",
  result: "Result",
  value: "Value",
  limit: "Limit",
  said: "What was found",
  byStore: "judged by the server",
  by: (who: string) => `by ${short(who)}`,
  checkStatuses: { passed: "Passed", failed: "Failed", pending: "Pending" },
  requestStatuses: {
    open: "Open",
    completed: "Completed",
    refused: "Refused",
    rejected: "Rejected",
    conflict: "Conflict",
    expired: "Expired",
    cancelled: "Cancelled",
  } as Record<Request["status"], string>,
  requestNow: (name: string, version: number, target: string, status: Request["status"]) =>
    status === "completed"
      ? `Version ${version} of ${short(name)} is in ${target} now`
      : `The request for version ${version} of ${short(name)} is ${status}`,
  votes: "Votes",
  approved: "Approved",
  rejected: "Rejected",
  comment: "Comment",
  approve: "Approve",
  approveAgain: "Approve again",
  reject: "Reject",
  cancelRequest: "Take the request back",
  askedBy: "Asked by",
  closed: "closed",
  expires: "expires",
  waitsFor: "Waits for:",
  why: "Why:",
  copyId: "Copy the id",
  conflictHint:
    "Another version has taken the place meanwhile, so what was compared is no longer there. Look, and ask again.",
  pendingHint:
    "Pending gates wait for a worker: assay registry worker, on a machine that has the models' packages.",
  hindrances: {
    "none-asked": () => "The policy asks for no approvals; it waits for its checks.",
    "no-name": () => "Say who you are to vote.",
    "not-signed-in": () => "The policy counts only people who signed in with a token.",
    "not-named": (voters) => `The policy leaves this to ${either(voters)}.`,
    author: () => "Who asked, or registered the version, may not approve it.",
  } as Record<VoteHindrance, (voters: string[]) => string>,
  yourName: "Your name",
  nameRule: "Any name without a colon. Nobody signs in here, so it is a claim.",
  useName: "Use this name",
  nameKept: (name: string) => (name ? `Changes are made as ${short(name)} now` : "Changes carry no name now"),
  boxes: { mine: "Wait for me", open: "Open", asked: "Asked by me", closed: "Closed" },
  emptyBoxes: {
    mine: "Nothing waits for you",
    open: "No request is open",
    asked: "You have asked for nothing",
    closed: "No request was closed yet",
  },
  sayWho: "Say who you are above: then this shows what waits for you.",
  noRequests: "Nobody has asked for a move of this model yet",
  noRequestsHint:
    "Where a policy governs a stage or an alias, moving a version there makes a request that shows here.",
  requestFilterHint: "model, person, reason",
  status: "Status",

  // Rollback
  rollback: "Roll back",
  place: "Place",
  nothingBefore: "There is nothing to go back to",
  nothingBeforeHint: "No stage or alias of this model was held by another version that still exists.",
  rollbackChange: (target: string, now: number[], before: number[]) =>
    `${target}: ${numbers(now)} → ${numbers(before)}.`,
  rollbackArchives: (now: number[]) =>
    now.length ? `${numbers(now)} will be archived.`.replace(/^v/, "V") : "",
  rollbackNoGates: "Going back asks for no gates and no approvals; it is recorded, with who and why.",
  rolledBackTo: (target: string, versions: number[]) => `${target} is back at ${numbers(versions)}`,

  // Policy
  ownPolicy: "Own policy",
  defaultPolicy: "The default policy",
  noPolicy: "No policy",
  noPolicyTitle: "Nothing governs this model",
  noPolicyHint:
    "Whoever may write moves its versions. A policy says which gates and approvals a stage asks for.",
  setBy: "set by",
  editPolicy: "Edit the policy",
  setPolicy: "Give it a policy",
  removePolicy: "Remove the policy",
  removePolicyHint:
    "Its stages are free then, unless the default policy governs them. Open requests are cancelled.",
  policySaved: "The policy is in force",
  policyRemoved: "The policy was removed",
  needsWrite: "Voting needs the role writer, beside what the policy asks for.",
  needsManage: "Changing it needs the role manager or admin.",
  policyText: "Policy (YAML)",
  policyHint:
    "Every text that is saved becomes a revision; open requests that the old one governed are cancelled.",
  revisions: "Revisions",
  revision: (number: number) => `Revision ${number}`,
  inForce: "in force",
  toReach: (target: string) => `To reach ${target}`,
  steps: "Stages and steps",
  allSteps: "Every step between them is allowed.",
  rollbackBy: (voters: string[]) => `Rolling back is left to ${either(voters)}.`,
  rollbackAnybody: "Whoever may write may roll back.",
};
