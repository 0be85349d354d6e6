/** What charts of runs share: which columns to begin with, colours of runs, and turning a catch into a selection. */
import { colourOf, scaleColour, useDark } from "@/charts/colours";
import { type Scale, scaleOf, shareOf } from "@/charts/scatterScale";
import { columnTerm, parseColumn, quoted } from "@/features/experiment/columns";
import type { SetExperimentState } from "@/features/experiment/state";
import { toast } from "@/ui/Toasts";
import type { ColumnOptions } from "./Choices";
import type { Frame } from "./frame";
import { messages } from "./messages";
import type { Cell } from "./values";

/** Runs that a link can name. */
const MAX_SELECTED = 1_000;
const MAX_NAMED = 50;

/** Params that vary and the first metrics: what is worth an axis. */
export function usualAxes(options: ColumnOptions, varies: ReadonlySet<string>): string[] {
  const params = options.params.filter((id) => varies.has(id)).slice(0, 6);
  return [...params, ...options.metrics.slice(0, params.length ? 2 : 4)];
}

/** Colours of the runs: by a column's value, or each its own. */
export function useColours(
  frame: Frame | undefined,
  id: string | undefined,
): { colours: string[]; scale: Scale | null } {
  const dark = useDark();
  if (!frame) return { colours: [], scale: null };
  const cells = id ? frame.cells.get(id) : undefined;
  if (!cells) return { colours: frame.ids.map((run) => colourOf(run, dark)), scale: null };
  const scale = scaleOf(cells);
  const colours = cells.map((cell) => {
    if (scale.kind === "category") return cell === null ? "#888" : colourOf(String(cell), dark);
    const share = shareOf(scale, cell);
    return Number.isNaN(share) ? "#888" : scaleColour(share, dark);
  });
  return { colours, scale };
}

/** Select runs: what all faces of the page show from then on. */
export function selectRuns(
  ids: readonly string[],
  set: SetExperimentState,
  more: Parameters<SetExperimentState>[0] = {},
) {
  const some = ids.slice(0, MAX_SELECTED);
  set({ runs: some, ...more });
  toast({
    text:
      some.length < ids.length
        ? messages.selectCut(some.length, ids.length)
        : messages.selectedToast(some.length),
  });
}

/** Brushes as an expression of the filter language; null if one of them can't be said in it. */
export function brushFilter(brushes: Record<string, [number, number] | string[]>): string | null {
  const parts: string[] = [];
  for (const [id, brush] of Object.entries(brushes)) {
    const column = parseColumn(id);
    if (!column) return null;
    const term = columnTerm(column);
    if (typeof brush[0] === "number") parts.push(`${term} >= ${brush[0]}`, `${term} <= ${brush[1]}`);
    else if (brush.length > MAX_NAMED) return null;
    else if (brush.length === 1) parts.push(`${term} = ${quoted(String(brush[0]))}`);
    else parts.push(`(${brush.map((one) => `${term} = ${quoted(String(one))}`).join(" or ")})`);
  }
  return parts.join(" and ");
}

/** Numbers of a column, null where a cell is none that can be drawn. */
export function finite(cells: readonly Cell[] | undefined): (number | null)[] {
  return (cells ?? []).map((cell) => (typeof cell === "number" && Number.isFinite(cell) ? cell : null));
}
