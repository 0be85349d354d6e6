/** One request: what it asks, what its gates found, who voted, and what the reader can do about it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import { useId, useState } from "react";
import { act, claimName, type Me, useMe } from "@/app/me";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { Time } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { toast } from "@/ui/Toasts";
import { type Gate, policyQuery, type Request, versionQuery } from "./data";
import { messages } from "./messages";
import { CheckMark, Person, RequestStatus, stageName, TextArea, useChange } from "./parts";
import styles from "./Registry.module.css";
import { hindrance, rulesFor } from "./rules";

export function GateTable({ gates }: { gates: Gate[] }) {
  if (gates.length === 0) return <p className={styles.quiet}>{messages.noGates}</p>;
  return (
    <section className={styles.scroll} aria-label={messages.gates}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{messages.condition}</th>
            <th>{messages.result}</th>
            <th className={styles.number}>{messages.value}</th>
            <th className={styles.number}>{messages.limit}</th>
            <th>{messages.said}</th>
          </tr>
        </thead>
        <tbody>
          {gates.map((gate) => (
            <tr key={gate.place} className={gate.status === "failed" ? styles.breaking : undefined}>
              <td className={styles.break}>
                <bdi>{gate.condition}</bdi>
              </td>
              <td>
                <CheckMark status={gate.status} />
              </td>
              <td className={styles.number} title={gate.value === null ? undefined : String(gate.value)}>
                {formatNumber(gate.value)}
              </td>
              <td className={styles.number} title={gate.limit === null ? undefined : String(gate.limit)}>
                {formatNumber(gate.limit)}
              </td>
              <td className={styles.break}>
                <bdi>{gate.message}</bdi>{" "}
                {gate.by && (
                  <span className={`${styles.quiet} ${styles.small}`}>
                    {gate.by === "store" ? messages.byStore : messages.by(gate.by)}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Votes({ request }: { request: Request }) {
  if (request.votes.length === 0) return null;
  return (
    <ul className={styles.plain} aria-label={messages.votes}>
      {request.votes.map((vote) => (
        <li key={vote.actor} className={styles.row}>
          <span className={styles.mark} data-tone={vote.approve ? "good" : "bad"}>
            {vote.approve ? (
              <ThumbsUp size={14} aria-hidden="true" />
            ) : (
              <ThumbsDown size={14} aria-hidden="true" />
            )}
            {vote.approve ? messages.approved : messages.rejected}
          </span>
          <Person name={vote.actor} verified={vote.verified} />
          {vote.roles.length > 0 && (
            <span className={`${styles.quiet} ${styles.small}`}>{vote.roles.join(", ")}</span>
          )}
          {vote.comment && (
            <q className={styles.break}>
              <bdi>{vote.comment}</bdi>
            </q>
          )}
          <span className={`${styles.quiet} ${styles.small}`}>
            <Time ms={vote.time} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Where nobody signs in, votes need a name that somebody claims. */
export function ClaimName({ me }: { me: Me }) {
  const [typed, setTyped] = useState(me.name);
  if (!me.claims) return null;
  return (
    <form
      className={styles.bar}
      onSubmit={(event) => {
        event.preventDefault();
        claimName(typed);
        toast({ text: messages.nameKept(typed.trim()) });
      }}
    >
      <TextField
        label={messages.yourName}
        value={typed}
        maxLength={200}
        pattern="[^:]*"
        title={messages.nameRule}
        onChange={(event) => setTyped(event.target.value)}
      />
      <Button type="submit" disabled={typed.trim() === me.name}>
        {messages.useName}
      </Button>
    </form>
  );
}

function Actions({ request, me }: { request: Request; me: Me }) {
  const [comment, setComment] = useState("");
  const policy = useQuery(policyQuery(request.name));
  const version = useQuery(versionQuery(request.name, String(request.version)));
  const approvals = rulesFor(policy.data?.rules, request.target)?.approvals;
  const versionAuthor = version.data?.user_id;
  const why = useId();
  const vote = useChange(
    ({ what }: { what: "approve" | "reject" | "cancel" }) =>
      act(`/api/assay/v1/registry/requests/${what}`, {
        request_id: request.request_id,
        reason: comment.trim(),
      }),
    {
      done: (answer) => {
        setComment("");
        const now = answer as unknown as Request;
        toast({ text: messages.requestNow(now.name, now.version, stageName(now.target), now.status) });
      },
    },
  );
  const against = hindrance(approvals, request, me, { approve: true, versionAuthor });
  const againstNo = hindrance(approvals, request, me, { approve: false, versionAuthor });
  const said = request.votes.find((one) => one.actor === me.name);
  return (
    <div className={styles.stack}>
      {approvals && (
        <TextArea
          label={messages.comment}
          value={comment}
          rows={2}
          onChange={(event) => setComment(event.target.value)}
        />
      )}
      <div className={styles.row}>
        {approvals && (
          <>
            <Button
              kind="primary"
              disabled={against !== null || vote.isPending}
              aria-describedby={against ? why : undefined}
              onClick={() => vote.mutate({ what: "approve" })}
            >
              <ThumbsUp size={14} aria-hidden="true" />
              {said?.approve ? messages.approveAgain : messages.approve}
            </Button>
            <Button
              kind="danger"
              disabled={againstNo !== null || vote.isPending}
              onClick={() => vote.mutate({ what: "reject" })}
            >
              <ThumbsDown size={14} aria-hidden="true" />
              {messages.reject}
            </Button>
          </>
        )}
        <Button disabled={vote.isPending} onClick={() => vote.mutate({ what: "cancel" })}>
          {messages.cancelRequest}
        </Button>
      </div>
      {approvals && against && (
        <p id={why} className={styles.quiet}>
          {messages.hindrances[against](approvals.from.map(messages.voter))}
        </p>
      )}
    </div>
  );
}

export function RequestCard({ request, showModel = true }: { request: Request; showModel?: boolean }) {
  const me = useMe();
  const heading = useId();
  const isOpen = request.status === "open";
  const pending = request.checks.some((check) => check.status === "pending");
  return (
    <article className={styles.card} aria-labelledby={heading} data-request={request.request_id}>
      <div className={styles.cardHead}>
        <h2 id={heading} className={styles.break}>
          <Link
            to="/models/$name/$version"
            params={{ name: request.name, version: String(request.version) }}
            title={request.name}
          >
            {showModel && <bdi>{request.name.slice(0, 120)} </bdi>}
            {messages.versionOf(request.version)}
          </Link>{" "}
          → {stageName(request.target)}
        </h2>
        <RequestStatus status={request.status} />
      </div>
      <div className={styles.row}>
        <span>
          {messages.askedBy} <Person name={request.requested_by} />
        </span>
        <Time ms={request.time} />
        {request.closed_time !== null && (
          <span className={styles.quiet}>
            {messages.closed} <Time ms={request.closed_time} />
          </span>
        )}
        {isOpen && request.expires_time !== null && (
          <span className={styles.quiet}>
            {messages.expires} <Time ms={request.expires_time} />
          </span>
        )}
        <span className={`${styles.quiet} ${styles.small} ${styles.row}`}>
          <code>{request.request_id}</code>
          <CopyButton text={request.request_id} label={messages.copyId} />
        </span>
      </div>
      {request.comment && (
        <p className={styles.break}>
          <q>
            <bdi>{request.comment}</bdi>
          </q>
        </p>
      )}
      {request.expected.length > 0 && isOpen && (
        <p className={styles.quiet}>
          {messages.takesPlaceOf(
            request.expected.filter((one) => one !== request.version),
            stageName(request.target),
          )}
        </p>
      )}
      {request.status_reason && (
        <p className={styles.break}>
          <strong>{isOpen ? messages.waitsFor : messages.why}</strong> <bdi>{request.status_reason}</bdi>
        </p>
      )}
      {request.status === "conflict" && <p>{messages.conflictHint}</p>}
      {request.checks.length > 0 && <GateTable gates={request.checks} />}
      {isOpen && pending && <p className={styles.quiet}>{messages.pendingHint}</p>}
      <Votes request={request} />
      {isOpen &&
        (me.may("write") ? (
          <Actions request={request} me={me} />
        ) : (
          <p className={styles.quiet}>{messages.needsWrite}</p>
        ))}
    </article>
  );
}
