/** What a reader chose for this browser: theme, time zone, density. Kept in local storage, told to other tabs. */
import { useSyncExternalStore } from "react";

export interface Preferences {
  theme: "system" | "light" | "dark";
  zone: "local" | "utc";
  density: "compact" | "normal" | "roomy";
}

const KEY = "assay.preferences";
const DEFAULTS: Preferences = { theme: "system", zone: "local", density: "normal" };

/** A value in local storage; the default where there is none, or where storage is switched off. */
export function readKept<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or switched off: it holds for this page only.
  }
}

let current: Preferences = { ...DEFAULTS, ...readKept<Partial<Preferences>>(KEY, {}) };
const listeners = new Set<() => void>();

function apply(): void {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("theme");
  const theme = asked === "light" || asked === "dark" ? asked : current.theme;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  root.dataset.density = current.density;
  for (const listener of listeners) listener();
}

export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  keep(KEY, current);
  apply();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

export function zone(): Preferences["zone"] {
  return current.zone;
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  current = { ...DEFAULTS, ...readKept<Partial<Preferences>>(KEY, {}) };
  apply();
});
apply();
