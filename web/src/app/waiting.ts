/** How many transition requests wait for somebody; shown beside the link to them. */
import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";

const LOOK_EVERY_MS = 60_000;
const MOST = 100;

export function useWaitingRequests(): number {
  const { data } = useQuery({
    queryKey: ["requests", "waiting"],
    queryFn: ({ signal }) =>
      get("/api/assay/v1/registry/requests/search", { statuses: ["open"], max_results: MOST }, signal),
    refetchInterval: LOOK_EVERY_MS,
    staleTime: LOOK_EVERY_MS / 2,
    retry: false,
  });
  return data ? data.items.length : 0;
}
