/** What a traffic rule says, taken apart: who is tried, and what is left for the version that is served. */
import type { Traffic } from "./data";

export interface Trial {
  selector: string;
  percent: number;
  shadow: boolean;
}

export const trialsOf = (traffic: Traffic): Trial[] => [
  ...Object.entries(traffic.canaries).map(([selector, percent]) => ({ selector, percent, shadow: false })),
  ...Object.entries(traffic.shadows).map(([selector, percent]) => ({ selector, percent, shadow: true })),
];

/** What no canary answers, in percent; `except` is left out of the canaries. */
export const restOf = (traffic: Traffic, except?: string): number =>
  100 -
  Object.entries(traffic.canaries)
    .filter(([selector]) => selector !== except)
    .reduce((sum, [, percent]) => sum + percent, 0);

/** The place that `models:/digits@champion` or `models:/digits/Production` asks for; null: none that is followed. */
export function placeOf(source: string, name: string): string | null {
  const start = `models:/${name}`;
  const rest = source.startsWith(start) ? source.slice(start.length) : "";
  if (rest.startsWith("@")) return rest;
  return rest.startsWith("/") && !/^\/\d+$/.test(rest) ? rest.slice(1) : null;
}
