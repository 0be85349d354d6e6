/** The runs before and after this one, in the order of the list that it was opened from. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { defaultParseSearch } from "@tanstack/react-router";
import { type RowsRequest, rowsQuery, whichRuns } from "@/features/experiment/data";
import { type ExperimentSearch, parseExperimentSearch } from "@/features/experiment/search";

const PAGE = 1_000;
/** A run that stands farther down is not looked for. */
const MAX_PAGES = 10;

/** The state of the experiment page that `from` carries; an empty one for what can't be read. */
export function listOf(from: string | undefined): ExperimentSearch {
  if (!from) return {};
  try {
    const raw = from.startsWith("{") ? JSON.parse(from) : defaultParseSearch(from.replace(/^[^?]*\?/, "?"));
    return parseExperimentSearch(typeof raw === "object" && raw !== null ? raw : {});
  } catch {
    return {};
  }
}

export interface Neighbours {
  at: number;
  total: number;
  previous: string | null;
  next: string | null;
}

async function find(queries: QueryClient, request: RowsRequest, runId: string): Promise<Neighbours | null> {
  const ids: string[] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await queries.fetchQuery({
      ...rowsQuery({ ...request, offset: page * PAGE, limit: PAGE }),
      staleTime: 60_000,
    });
    ids.push(...answer.runs.run_id);
    const at = ids.indexOf(runId);
    const last = ids.length >= answer.total || !answer.runs.run_id.length;
    if (at >= 0 && (at < ids.length - 1 || last)) {
      return { at, total: answer.total, previous: ids[at - 1] ?? null, next: ids[at + 1] ?? null };
    }
    if (last) return null;
  }
  return null;
}

export function useNeighbours(
  runId: string,
  experimentId: string | undefined,
  from: string | undefined,
): Neighbours | null {
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: ["neighbours", runId, experimentId, from],
    queryFn: () => {
      const request = { ...whichRuns([experimentId ?? ""], listOf(from)), columns: [] };
      return find(queries, request, runId);
    },
    enabled: experimentId !== undefined,
    staleTime: 30_000,
    retry: false,
  });
  return data ?? null;
}
