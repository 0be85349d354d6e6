/** The page's colours, for what is drawn on a canvas: tokens may be written in ways that a canvas can't read. */
import { isDark } from "./colours";

const TOKENS = ["text", "quiet", "line", "edge", "raised", "accent", "warn", "bad"] as const;
export type Inks = Record<(typeof TOKENS)[number], string>;

const known = new Map<boolean, Inks>();

export function inks(): Inks {
  const theme = isDark();
  const cached = known.get(theme);
  if (cached) return cached;
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = {} as Inks;
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    found[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  known.set(theme, found);
  return found;
}
