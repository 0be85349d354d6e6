/** All deployments that are noted, of all models. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTitle } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { deploySnippet } from "@/features/registry/snippets";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { DeploymentTable } from "./DeploymentTable";
import { allDeploymentsQuery, figuresQuery } from "./data";
import { messages } from "./messages";

const route = getRouteApi("/deployments");
const FIRST = 100;
const MOST = 1_000;

export function DeploymentsPage() {
  useTitle(messages.deployments);
  const { q = "", ended } = route.useSearch();
  const navigate = route.useNavigate();
  const all = useQuery(allDeploymentsQuery);
  const told = useQuery(figuresQuery());
  const [shown, setShown] = useState(FIRST);
  const wanted = q.trim().toLowerCase();
  const found = (all.data ?? []).filter(
    (one) =>
      (ended || one.ended_time === null) && (!wanted || JSON.stringify(one).toLowerCase().includes(wanted)),
  );
  return (
    <div className={registry.page}>
      <header className={registry.head}>
        <div className={registry.title}>
          <h1>{messages.deployments}</h1>
        </div>
      </header>
      <div className={registry.bar}>
        <TextField
          label={messages.filter}
          type="search"
          placeholder={messages.filterHint}
          value={q}
          onChange={(event) =>
            navigate({
              search: (before) => ({ ...before, q: event.target.value || undefined }),
              replace: true,
            })
          }
        />
        <label className={registry.row}>
          <input
            type="checkbox"
            checked={ended ?? false}
            onChange={(event) =>
              navigate({
                search: (before) => ({ ...before, ended: event.target.checked || undefined }),
                replace: true,
              })
            }
          />
          {messages.showEnded}
        </label>
      </div>
      {all.isError ? (
        <ErrorNotice error={all.error} retry={() => all.refetch()} />
      ) : all.isPending ? (
        <Skeleton height={220} />
      ) : all.data.length === 0 ? (
        <Notice title={messages.none}>
          <p>{messages.noneHint}</p>
          <Snippet code={deploySnippet("digits")} />
        </Notice>
      ) : (
        <>
          <p className={registry.quiet} aria-live="polite">
            {messages.count(found.length, all.data.length)} {all.data.length >= MOST && messages.onlyLatest}
          </p>
          {found.length === 0 ? (
            <Notice title={messages.noneFound}>{messages.noneFoundHint}</Notice>
          ) : (
            <DeploymentTable deployments={found.slice(0, shown)} told={told.data} />
          )}
          {found.length > shown && (
            <div>
              <Button onClick={() => setShown(shown + FIRST)}>{messages.more(found.length - shown)}</Button>
            </div>
          )}
        </>
      )}
    </div>
  );
}
