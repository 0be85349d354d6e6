/** How many transition requests wait for the reader; shown beside the link to them. */
import { useQuery } from "@tanstack/react-query";
import { requestsQuery } from "@/features/registry/data";
import { useMe } from "@/features/registry/me";
import { useMine } from "@/features/registry/mine";

const LOOK_EVERY_MS = 60_000;

/** Those that the reader may vote on; of a reader without a name all that are open. */
export function useWaitingRequests(): number {
  const { data = [] } = useQuery({
    ...requestsQuery({ statuses: ["open"] }),
    refetchInterval: LOOK_EVERY_MS,
    staleTime: LOOK_EVERY_MS / 2,
    retry: false,
  });
  // Who reads is asked only when it matters: most pages have nothing that waits.
  const me = useMe({ when: data.length > 0 });
  const mine = useMine(data, me);
  return me.name ? mine.size : data.length;
}
