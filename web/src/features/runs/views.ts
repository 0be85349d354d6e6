/** Saved views of the table: tags of the experiment where everybody is to see them, else in this browser. */
import { post, send } from "@/api/client";
import { keep, readKept } from "@/app/preferences";
import { type ExperimentSearch, parseExperimentSearch } from "@/features/experiment/search";

export const VIEW_TAG = "assay.view.";
export const DEFAULT_TAG = "assay.default-view";
const MOST_CHARACTERS = 20_000;
/** What a view holds: the question and its look, not what is selected. */
const FIELDS = [
  "q",
  "sort",
  "cols",
  "pin",
  "right",
  "w",
  "colour",
  "group",
  "figure",
  "nest",
  "top",
  "base",
  "charts",
] as const;

export type View = Pick<ExperimentSearch, (typeof FIELDS)[number]>;

export interface SavedView {
  name: string;
  shared: boolean;
  isDefault: boolean;
  view: View;
}

export class ViewTooLong extends Error {}

export function viewOf(state: ExperimentSearch): View {
  return Object.fromEntries(
    FIELDS.flatMap((field) => (state[field] === undefined ? [] : [[field, state[field]]])),
  ) as View;
}

/** A state with everything of the view, and nothing else of what views hold. */
export function withView(view: View, name: string | undefined): Partial<ExperimentSearch> {
  const cleared = Object.fromEntries(FIELDS.map((field) => [field, undefined]));
  return { ...cleared, ...view, saved: name };
}

export function sameView(one: View, other: View): boolean {
  const text = (view: View) => JSON.stringify(FIELDS.map((field) => view[field] ?? null));
  return text(one) === text(other);
}

/** A view as somebody wrote it, who may be anybody: what doesn't parse is left out. */
export function readView(text: string): View | null {
  try {
    const raw = JSON.parse(text) as unknown;
    if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return null;
    return viewOf(parseExperimentSearch(raw as Parameters<typeof parseExperimentSearch>[0]));
  } catch {
    return null;
  }
}

export function sharedViews(tags: { key: string; value: string }[]): SavedView[] {
  const chosen = tags.find((tag) => tag.key === DEFAULT_TAG)?.value;
  return tags.flatMap((tag) => {
    if (!tag.key.startsWith(VIEW_TAG)) return [];
    const view = readView(tag.value);
    const name = tag.key.slice(VIEW_TAG.length);
    return view ? [{ name, shared: true, isDefault: name === chosen, view }] : [];
  });
}

function storage(experimentIds: string[]): string {
  return `assay.views.${experimentIds.join(",")}`;
}

export function privateViews(experimentIds: string[]): SavedView[] {
  const kept = readKept<unknown>(storage(experimentIds), {});
  if (typeof kept !== "object" || kept === null) return [];
  return Object.entries(kept).flatMap(([name, text]) => {
    const view = typeof text === "string" ? readView(text) : null;
    return view ? [{ name, shared: false, isDefault: false, view }] : [];
  });
}

export async function saveView(experimentIds: string[], saved: SavedView): Promise<void> {
  const text = JSON.stringify(saved.view);
  if (text.length > MOST_CHARACTERS) throw new ViewTooLong();
  if (!saved.shared) {
    const kept = readKept<Record<string, string>>(storage(experimentIds), {});
    keep(storage(experimentIds), { ...kept, [saved.name]: text });
    return;
  }
  await post("/api/assay/v1/experiments/set-tags", {
    experiment_id: experimentIds[0] ?? "",
    tags: {
      [VIEW_TAG + saved.name]: text,
      ...(saved.isDefault ? { [DEFAULT_TAG]: saved.name } : {}),
    },
  });
}

async function deleteTag(experimentId: string, key: string): Promise<void> {
  await send("/api/2.0/mlflow/experiments/delete-experiment-tag", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ experiment_id: experimentId, key }),
  });
}

export async function deleteView(experimentIds: string[], saved: SavedView): Promise<void> {
  if (!saved.shared) {
    const kept = readKept<Record<string, string>>(storage(experimentIds), {});
    delete kept[saved.name];
    keep(storage(experimentIds), kept);
    return;
  }
  const first = experimentIds[0] ?? "";
  await deleteTag(first, VIEW_TAG + saved.name);
  if (saved.isDefault) await deleteTag(first, DEFAULT_TAG);
}
