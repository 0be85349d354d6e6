/** The inbox: requests of all models, those that wait for the reader first. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMe } from "@/app/me";
import { Button } from "@/ui/Button";
import controls from "@/ui/controls.module.css";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { type Request, requestsQuery } from "./data";
import { messages } from "./messages";
import { useMine } from "./mine";
import { useTitle } from "./parts";
import styles from "./Registry.module.css";
import { ClaimName, RequestCard } from "./RequestCard";

const route = getRouteApi("/requests");
const LOOK_EVERY_MS = 15_000;
const FIRST = 30;
const BOXES = ["mine", "open", "asked", "closed"] as const;
type Box = (typeof BOXES)[number];
const CLOSED: Request["status"][] = ["completed", "refused", "rejected", "conflict", "expired", "cancelled"];

export function RequestsPage() {
  useTitle(messages.requests);
  const search = route.useSearch();
  const navigate = useNavigate();
  const me = useMe();
  const [shown, setShown] = useState(FIRST);
  const open = useQuery({ ...requestsQuery({ statuses: ["open"] }), refetchInterval: LOOK_EVERY_MS });
  const box = BOXES.find((one) => one === search.box) ?? "open";
  const needsAll = box === "closed" || box === "asked";
  const all = useQuery({ ...requestsQuery({}), enabled: needsAll });
  const mine = useMine(open.data ?? [], me);
  const source = needsAll ? all : open;
  const set = (change: { box?: string; q?: string; status?: string }) => {
    setShown(FIRST);
    navigate({ to: "/requests", search: (before) => ({ ...before, ...change }), replace: true });
  };
  const wanted = (search.q ?? "").trim().toLowerCase();
  const fits: Record<Box, (request: Request) => boolean> = {
    mine: (request) => mine.has(request.request_id),
    open: () => true,
    asked: (request) => me.name !== "" && request.requested_by === me.name,
    closed: (request) => request.status !== "open" && (!search.status || request.status === search.status),
  };
  const found = (source.data ?? []).filter(
    (request) => fits[box](request) && (!wanted || JSON.stringify(request).toLowerCase().includes(wanted)),
  );
  // What waits for the reader comes first; the rest stays the latest first.
  const ordered =
    box === "open"
      ? [...found].sort((a, b) => Number(mine.has(b.request_id)) - Number(mine.has(a.request_id)))
      : found;
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.title}>
          <h1>{messages.requests}</h1>
        </div>
        <ClaimName me={me} key={me.name} />
      </header>
      <nav className={controls.tabs} aria-label={messages.sections}>
        {BOXES.map((one) => (
          <button
            key={one}
            type="button"
            className={controls.tab}
            aria-current={one === box ? "page" : undefined}
            onClick={() => set({ box: one === "open" ? undefined : one, status: undefined })}
          >
            {messages.boxes[one]}
            {one === "open" && open.data ? ` (${open.data.length})` : ""}
            {one === "mine" && open.data ? ` (${mine.size})` : ""}
          </button>
        ))}
      </nav>
      <div className={styles.bar}>
        <TextField
          label={messages.filter}
          type="search"
          placeholder={messages.requestFilterHint}
          value={search.q ?? ""}
          onChange={(event) => set({ q: event.target.value || undefined })}
        />
        {box === "closed" && (
          <SelectField
            label={messages.status}
            value={search.status ?? ""}
            onChange={(event) => set({ status: event.target.value || undefined })}
          >
            <option value="">{messages.everything}</option>
            {CLOSED.map((status) => (
              <option key={status} value={status}>
                {messages.requestStatuses[status]}
              </option>
            ))}
          </SelectField>
        )}
      </div>
      {source.isError ? (
        <ErrorNotice error={source.error} retry={() => source.refetch()} />
      ) : source.isPending ? (
        <Skeleton height={220} />
      ) : ordered.length === 0 ? (
        <Notice title={wanted ? messages.noneFound : messages.emptyBoxes[box]}>
          {box !== "closed" && !me.name && me.claims ? messages.sayWho : messages.noRequestsHint}
        </Notice>
      ) : (
        <div className={styles.stack}>
          {ordered.slice(0, shown).map((request) => (
            <RequestCard key={request.request_id} request={request} />
          ))}
          {ordered.length > shown && (
            <div>
              <Button onClick={() => setShown(shown + FIRST)}>{messages.more}</Button>
            </div>
          )}
        </div>
      )}
    </div>
  );
}
