/**
 * Who looks at this page. Where people sign in the server knows it; where nobody does, a name is a claim that the
 * reader makes here once, and that is sent with each change so that approvals and the audit log have a name.
 */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { type AnswerOf, type BodyOf, get, type PathsWith, send } from "@/api/client";
import { keep, readKept } from "@/app/preferences";

const KEY = "assay.name";
const listeners = new Set<() => void>();
let claimed = readKept<string>(KEY, "");

export function claimName(name: string): void {
  claimed = name.trim();
  keep(KEY, claimed);
  for (const listener of listeners) listener();
}

function useClaimedName(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => claimed,
  );
}

export interface Me {
  name: string;
  roles: string[];
  /** Whether the server proved the name. */
  verified: boolean;
  /** Whether a name can be claimed: nobody signs in here. */
  claims: boolean;
  may: (permission: string) => boolean;
}

export function useMe({ when = true }: { when?: boolean } = {}): Me {
  const own = useClaimedName();
  const { data } = useQuery({
    queryKey: ["whoami"],
    queryFn: ({ signal }) => get("/api/assay/v1/whoami", undefined, signal),
    enabled: when,
    staleTime: 5 * 60_000,
    retry: false,
  });
  const claims = !data || data.auth === "none";
  return {
    name: claims ? own : data.name,
    roles: data?.roles ?? [],
    verified: data?.verified ?? false,
    claims,
    may: (permission) => !data || data.permissions.includes(permission),
  };
}

/** A name as a header carries it: its UTF-8 bytes, one character each. */
export function headerText(name: string): string {
  return Array.from(new TextEncoder().encode(name), (byte) => String.fromCharCode(byte)).join("");
}

/** A change, with the claimed name of who makes it. */
export async function change(
  method: "POST" | "PATCH" | "DELETE",
  path: string,
  body: Record<string, unknown>,
): Promise<unknown> {
  const who: Record<string, string> = claimed ? { "x-assay-user": headerText(claimed) } : {};
  const response = await send(path, {
    method,
    headers: { "content-type": "application/json", ...who },
    body: JSON.stringify(body),
  });
  return response.json();
}

export async function act<P extends PathsWith<"post">>(
  path: P,
  body: BodyOf<P>,
): Promise<AnswerOf<P, "post">> {
  return (await change("POST", path, body as Record<string, unknown>)) as AnswerOf<P, "post">;
}
