/** Which open requests wait for the reader's vote. */
import { useQueries } from "@tanstack/react-query";
import type { Me } from "@/app/me";
import { policyQuery, type Request } from "./data";
import { rulesFor, waitsFor } from "./rules";

export function useMine(open: Request[], me: Me): Set<string> {
  const names = me.name ? [...new Set(open.map((request) => request.name))] : [];
  const policies = useQueries({
    queries: names.map((name) => ({ ...policyQuery(name), retry: false })),
  });
  const rules = new Map(names.map((name, place) => [name, policies[place]?.data?.rules]));
  return new Set(
    open
      .filter((one) => waitsFor(one, rulesFor(rules.get(one.name), one.target)?.approvals, me))
      .map((one) => one.request_id),
  );
}
