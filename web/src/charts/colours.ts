/** Colours of runs: the same for a run on every page and every day, and told apart by colour-blind readers. */
import { useSyncExternalStore } from "react";

/** Twelve hues told apart with all common kinds of colour blindness (after Okabe–Ito and Tol), by theme. */
const LIGHT = [
  "#0072b2",
  "#d55e00",
  "#007a5a",
  "#b0478a",
  "#8a6d00",
  "#332288",
  "#c0392b",
  "#117a8b",
  "#6b7a00",
  "#7a4aa8",
  "#5d6770",
  "#a0522d",
];
const DARK = [
  "#56b4e9",
  "#ff9147",
  "#35c79a",
  "#e58cc3",
  "#e6c229",
  "#a79bff",
  "#ff8577",
  "#5fd0e0",
  "#b5c943",
  "#c79bf0",
  "#aab4bd",
  "#dd9a6a",
];

const dark = window.matchMedia?.("(prefers-color-scheme: dark)");

/** Whether the page is dark now: as chosen, else as the system says. */
export function isDark(): boolean {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : Boolean(dark?.matches);
}

/** Follow the theme, for what is drawn on a canvas. */
export function useDark(): boolean {
  return useSyncExternalStore((listener) => {
    const observer = new MutationObserver(listener);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    dark?.addEventListener("change", listener);
    return () => {
      observer.disconnect();
      dark?.removeEventListener("change", listener);
    };
  }, isDark);
}

function hash(text: string): number {
  let value = 2166136261;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  return value >>> 0;
}

/** A colour nearer to black or white by a share, so that runs of one hue differ in lightness too. */
function shade(colour: string, share: number): string {
  const towards = share < 0 ? 0 : 255;
  const parts = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16);
    return Math.round(value + (towards - value) * Math.abs(share))
      .toString(16)
      .padStart(2, "0");
  });
  return `#${parts.join("")}`;
}

const SHADES = [0, -0.28, 0.26];

/** The colour of a run (or of anything else with a lasting name): one of 36. */
export function colourOf(name: string, darkTheme = isDark()): string {
  const palette = darkTheme ? DARK : LIGHT;
  const value = hash(name);
  const hue = palette[value % palette.length] ?? "#888888";
  return shade(hue, SHADES[Math.floor(value / palette.length) % SHADES.length] ?? 0);
}

/**
 * Colours for a few values side by side, of which no two are alike while there are no more than hues. Each keeps its own
 * wherever another value hasn't got it.
 */
export function distinctColours(names: Iterable<string>, darkTheme = isDark()): Map<string, string> {
  const palette = darkTheme ? DARK : LIGHT;
  const taken = new Set<number>();
  const found = new Map<string, string>();
  for (const name of [...new Set(names)].sort()) {
    let slot = hash(name) % palette.length;
    for (let i = 0; i < palette.length && taken.has(slot); i++) slot = (slot + 1) % palette.length;
    const free = !taken.has(slot);
    taken.add(slot);
    found.set(name, free ? (palette[slot] ?? "#888") : colourOf(name, darkTheme));
  }
  return found;
}

/** A scale from low to high, readable in both themes and by colour-blind readers; `share` in 0…1. */
export function scaleColour(share: number, darkTheme = isDark()): string {
  const t = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  const hue = 250 - 190 * t;
  const light = darkTheme ? 0.55 + 0.3 * t : 0.4 + 0.25 * t;
  return `oklch(${light} 0.14 ${hue})`;
}
