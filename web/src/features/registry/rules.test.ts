import { describe, expect, it } from "vitest";
import type { Approvals, AuditRecord, Policy, Request } from "./data";
import { allows, hindrance, holdersBefore, isNamed, rulesFor, trail, waitsFor } from "./rules";

const approvals: Approvals = {
  count: 1,
  from: ["bea", "role:ml-lead"],
  author_may_approve: false,
  expires_after_ms: null,
  signed_in: false,
};
const policy: Policy = {
  stages: ["None", "Canary", "Production", "Archived"],
  transitions: ["None -> Canary", "Canary -> Production", "* -> Archived"],
  targets: { Production: { gates: [], approvals } },
  rollback_by: [],
};
const me = (name: string, roles: string[] = [], verified = false) => ({ name, roles, verified });
const request = { status: "open", requested_by: "ann", votes: [] } as unknown as Request;

function moved(target: string, from: number[], to: number[], action = "stage.changed"): AuditRecord {
  return { action, details: { target, moves: [{ target, from, to }] } } as unknown as AuditRecord;
}

describe("steps", () => {
  it("are those that the policy lists, and staying", () => {
    expect(allows(policy, "None", "Canary")).toBe(true);
    expect(allows(policy, "None", "Production")).toBe(false);
    expect(allows(policy, "Production", "Archived")).toBe(true);
    expect(allows(policy, "Canary", "canary")).toBe(true);
    expect(allows(null, "None", "Production")).toBe(true);
  });

  it("match stages in any case and aliases exactly", () => {
    expect(rulesFor(policy, "production")).not.toBeNull();
    expect(rulesFor(policy, "@Production")).toBeNull();
  });
});

describe("voters", () => {
  it("are named, have a role, or are anybody with a name", () => {
    expect(isNamed(["bea"], me("bea"))).toBe(true);
    expect(isNamed(["role:ml-lead"], me("cy", ["ml-lead"]))).toBe(true);
    expect(isNamed(["role:ml-lead"], me("role:ml-lead"))).toBe(false);
    expect(isNamed(["*"], me(""))).toBe(false);
  });

  it("are told why they can't vote", () => {
    const asked = { approve: true, versionAuthor: "dan" };
    expect(hindrance(null, request, me("bea"), asked)).toBe("none-asked");
    expect(hindrance(approvals, request, me(""), asked)).toBe("no-name");
    expect(hindrance({ ...approvals, signed_in: true }, request, me("bea"), asked)).toBe("not-signed-in");
    expect(hindrance(approvals, request, me("zoe"), asked)).toBe("not-named");
    expect(hindrance({ ...approvals, from: ["*"] }, request, me("dan"), asked)).toBe("author");
    expect(hindrance({ ...approvals, from: ["*"] }, request, me("dan"), { ...asked, approve: false })).toBe(
      null,
    );
    expect(hindrance(approvals, request, me("bea"), asked)).toBe(null);
  });

  it("have nothing waiting once they voted", () => {
    expect(waitsFor(request, approvals, me("bea"))).toBe(true);
    const voted = { ...request, votes: [{ actor: "bea" }] } as unknown as Request;
    expect(waitsFor(voted, approvals, me("bea"))).toBe(false);
  });
});

describe("going back", () => {
  it("leads to the holder before, and after a rollback one further", () => {
    const records = [
      moved("Production", [], [1]),
      moved("Production", [1], [2]),
      moved("Production", [2], [3]),
      moved("Production", [3], [2], "rolled_back"),
    ];
    expect(trail(records, "production")).toEqual([[1], [2]]);
    expect(holdersBefore(trail(records, "Production"), new Set([1, 2, 3]), true)).toEqual([1]);
  });

  it("leads past versions that were deleted", () => {
    const states = trail([moved("@a", [], [1]), moved("@a", [1], [2]), moved("@a", [2], [3])], "@a");
    expect(holdersBefore(states, new Set([1, 3]), false)).toEqual([1]);
    expect(holdersBefore(states, new Set([3]), false)).toBeNull();
  });
});
