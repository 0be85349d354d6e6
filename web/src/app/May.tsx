/** What only some may do. */
import type { ReactNode } from "react";
import { useMe } from "./me";

/** Controls that are shown to those who may use them; the server refuses others whatever a page shows. */
export function May({ to, children }: { to: "write" | "manage"; children: ReactNode }) {
  return useMe().may(to) ? children : null;
}
