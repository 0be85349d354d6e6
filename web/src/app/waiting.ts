/** How many transition requests wait for the reader; shown beside the link to them. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { requestsQuery } from "@/features/registry/data";
import { useMine } from "@/features/registry/mine";
import { useMe } from "./me";

const LOOK_EVERY_MS = 60_000;
/** What the page was opened for is asked first. */
const FIRST_LOOK_MS = 1_000;

/** Those that the reader may vote on; of a reader without a name all that are open. */
export function useWaitingRequests(): number {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setDue(true), FIRST_LOOK_MS);
    return () => window.clearTimeout(timer);
  }, []);
  const { data = [] } = useQuery({
    ...requestsQuery({ statuses: ["open"] }),
    enabled: due,
    refetchInterval: LOOK_EVERY_MS,
    staleTime: LOOK_EVERY_MS / 2,
    retry: false,
  });
  // Who reads is asked only when it matters: most pages have nothing that waits.
  const me = useMe({ when: data.length > 0 });
  const mine = useMine(data, me);
  return me.name ? mine.size : data.length;
}
