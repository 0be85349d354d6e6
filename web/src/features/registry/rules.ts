/** What a policy means for moves: lanes, steps, who may vote. The server decides; this tells beforehand. */

import type { Me } from "@/app/me";
import type { Approvals, AuditRecord, Policy, Request, TargetRules, Version } from "./data";

export const NO_STAGE = "None";
export const ARCHIVED = "Archived";
/** MLflow's stages, which a model has unless its policy lists others. */
export const STAGES = [NO_STAGE, "Staging", "Production", ARCHIVED];

export const stagesOf = (policy: Policy | null | undefined): string[] => policy?.stages ?? STAGES;

const same = (one: string, other: string): boolean =>
  one === other || (!one.startsWith("@") && one.toLowerCase() === other.toLowerCase());

export function rulesFor(policy: Policy | null | undefined, target: string): TargetRules | null {
  const found = Object.entries(policy?.targets ?? {}).find(([name]) => same(name, target));
  return found ? found[1] : null;
}

/** The version, other than one, that holds Production, or else the stage that is furthest on. */
export function holderAmong(versions: Version[], stages: string[], except: string): Version | undefined {
  const active = stages.filter((stage) => stage !== NO_STAGE && stage !== ARCHIVED && stage !== "Production");
  return ["Production", ...active.reverse()]
    .map((stage) => versions.find((one) => one.current_stage === stage && one.version !== except))
    .find((one) => one !== undefined);
}

/** Whether a version may step from one stage to another. */
export function allows(policy: Policy | null | undefined, from: string, to: string): boolean {
  if (!policy?.transitions || same(from, to)) return true;
  return policy.transitions.some((step) => {
    const [start = "", end = ""] = step.split("->").map((part) => part.trim());
    return (start === "*" || same(start, from)) && (end === "*" || same(end, to));
  });
}

/** Whether a list of users and `role:` entries has somebody. */
export function isNamed(list: string[], me: Pick<Me, "name" | "roles">): boolean {
  if (!me.name) return false;
  return (
    list.includes("*") ||
    (list.includes(me.name) && !me.name.startsWith("role:")) ||
    me.roles.some((role) => list.includes(`role:${role}`))
  );
}

export type VoteHindrance = "none-asked" | "no-name" | "not-signed-in" | "not-named" | "author";

/** Why somebody can't vote on a request; null where nothing is known against it. */
export function hindrance(
  approvals: Approvals | null | undefined,
  request: Pick<Request, "requested_by">,
  me: Pick<Me, "name" | "roles" | "verified">,
  { approve, versionAuthor }: { approve: boolean; versionAuthor?: string },
): VoteHindrance | null {
  if (!approvals) return "none-asked";
  if (!me.name) return "no-name";
  if (approvals.signed_in && !me.verified) return "not-signed-in";
  if (!isNamed(approvals.from, me)) return "not-named";
  const authors = [request.requested_by, versionAuthor];
  if (approve && !approvals.author_may_approve && authors.includes(me.name)) return "author";
  return null;
}

/** Whether an open request waits for somebody's vote. */
export function waitsFor(
  request: Request,
  approvals: Approvals | null | undefined,
  me: Pick<Me, "name" | "roles" | "verified">,
): boolean {
  return (
    request.status === "open" &&
    hindrance(approvals, request, me, { approve: true }) === null &&
    !request.votes.some((vote) => vote.actor === me.name)
  );
}

/**
 * Holders that a place had one after another, without what was rolled back; the last is now. As
 * `assay.policies.holders` reads them.
 */
export function trail(records: AuditRecord[], target: string): number[][] {
  const states: number[][] = [];
  for (const record of records) {
    for (const move of record.details.moves ?? []) {
      if (!same(move.target, target)) continue;
      if (record.action === "rolled_back" && same(record.details.target ?? "", target)) {
        for (let place = states.length - 2; place >= 0; place--) {
          if (move.to.every((version) => states[place]?.includes(version))) {
            states.length = place;
            break;
          }
        }
      }
      if (String(states.at(-1)) !== String(move.to) || states.length === 0) states.push(move.to);
    }
  }
  return states;
}

/** Whom a rollback would give the place back to; null where there is nobody. */
export function holdersBefore(states: number[][], existing: Set<number>, governed: boolean): number[] | null {
  const now = String(states.at(-1) ?? []);
  for (const held of states.slice(0, -1).reverse()) {
    const alive = held.filter((version) => existing.has(version));
    if (alive.length && String(alive) !== now) return governed ? alive.slice(-1) : alive;
  }
  return null;
}
