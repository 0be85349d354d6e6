/** Small things that the pages of models share: badges, people, changes that refresh what is shown. */
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleX, Clock, ShieldCheck } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useId } from "react";
import { Chip } from "@/ui/Facts";
import { Skeleton } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import type { Request, Version } from "./data";
import { messages } from "./messages";
import styles from "./Registry.module.css";
import { ARCHIVED, NO_STAGE } from "./rules";

const Markdown = lazy(() => import("@/ui/Markdown"));

export function useTitle(...parts: (string | undefined)[]): void {
  const title = [...parts.filter(Boolean), "Assay"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** The name of a stage as people say it. */
export const stageName = (stage: string): string => (stage === NO_STAGE ? messages.noStage : stage);

export function StageBadge({ stage }: { stage: string }) {
  const tone = { Production: "good", Staging: "busy", [ARCHIVED]: undefined, [NO_STAGE]: undefined } as const;
  return (
    <Chip tone={stage in tone ? tone[stage as keyof typeof tone] : "accent"} title={messages.stage(stage)}>
      {stageName(stage)}
    </Chip>
  );
}

const REQUEST_TONES: Record<Request["status"], "good" | "bad" | "warn" | "busy" | undefined> = {
  open: "busy",
  completed: "good",
  refused: "bad",
  rejected: "bad",
  conflict: "warn",
  expired: undefined,
  cancelled: undefined,
};

export function RequestStatus({ status }: { status: Request["status"] }) {
  return <Chip tone={REQUEST_TONES[status]}>{messages.requestStatuses[status]}</Chip>;
}

/** Somebody's name, and whether it was proved. */
export function Person({ name, verified }: { name: string; verified?: boolean }) {
  if (!name) return <span className={styles.quiet}>{messages.unnamed}</span>;
  return (
    <span className={styles.mark}>
      <bdi className={styles.break}>{name}</bdi>
      {verified && (
        <span title={messages.verifiedName}>
          <ShieldCheck size={13} role="img" aria-label={messages.verifiedName} />
        </span>
      )}
    </span>
  );
}

const CHECK_ICONS = { passed: CircleCheck, failed: CircleX, pending: Clock };
const CHECK_TONES = { passed: "good", failed: "bad", pending: "quiet" };

export function CheckMark({ status }: { status: "passed" | "failed" | "pending" }) {
  const Icon = CHECK_ICONS[status];
  return (
    <span className={styles.mark} data-tone={CHECK_TONES[status]}>
      <Icon size={14} aria-hidden="true" />
      {messages.checkStatuses[status]}
    </span>
  );
}

export function Section({
  title,
  action,
  children,
}: {
  title: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className={styles.card} aria-labelledby={id}>
      <div className={styles.cardHead}>
        <h2 id={id}>{title}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}

/** One line of a list of facts. */
export function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Why something is done, as the audit log will keep it. */
export function Reason({
  value,
  onChange,
  hint,
}: {
  value: string;
  onChange: (to: string) => void;
  hint?: string;
}) {
  return (
    <TextArea
      label={messages.reason}
      hint={hint}
      rows={2}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

export function MarkdownText({ text }: { text: string }) {
  return (
    <Suspense fallback={<Skeleton height={60} />}>
      <Markdown text={text} />
    </Suspense>
  );
}

/** A labelled box for text of several lines. */
export function TextArea({
  label,
  hint,
  code = false,
  ...rest
}: React.TextareaHTMLAttributes<HTMLTextAreaElement> & { label: string; hint?: string; code?: boolean }) {
  const id = useId();
  return (
    <span className={styles.stack}>
      <label htmlFor={id} className={styles.quiet}>
        {label}
      </label>
      <textarea
        id={id}
        className={code ? `${styles.area} ${styles.code}` : styles.area}
        spellCheck={!code}
        aria-describedby={hint ? `${id}-hint` : undefined}
        {...rest}
      />
      {hint && (
        <span id={`${id}-hint`} className={`${styles.quiet} ${styles.small}`}>
          {hint}
        </span>
      )}
    </span>
  );
}

/** A change of the registry; afterwards everything of it on the page is asked anew. */
export function useChange<A, R>(
  work: (input: A) => Promise<R>,
  { done, quiet = false }: { done?: (result: R, input: A) => void; quiet?: boolean } = {},
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: work,
    onSuccess: done,
    onError: quiet ? undefined : toastError,
    // A refusal, too, can have changed something: a request that is closed by a conflict.
    onSettled: () => queries.invalidateQueries({ queryKey: ["registry"] }),
  });
}

/**
 * A change that shows at once and can be undone: `shown` is what the cache holds meanwhile, and what was there comes
 * back if the server says no.
 */
export function useOptimistic<A>(
  queryKey: QueryKey,
  work: (input: A) => Promise<unknown>,
  {
    shown,
    said,
    undo,
  }: {
    shown: (before: unknown, input: A) => unknown;
    said?: (input: A) => string;
    undo?: (input: A) => () => void;
  },
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: work,
    onMutate: async (input: A) => {
      await queries.cancelQueries({ queryKey });
      const before = queries.getQueryData(queryKey);
      if (before !== undefined) queries.setQueryData(queryKey, shown(before, input));
      return { before };
    },
    onSuccess: (_result, input) => {
      if (said) toast({ text: said(input), undo: undo?.(input) });
    },
    onError: (error, _input, context) => {
      if (context?.before !== undefined) queries.setQueryData(queryKey, context.before);
      toastError(error);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["registry"] }),
  });
}

export const pairs = (tags: Version["tags"]): [string, string][] =>
  (tags ?? []).map((tag) => [tag.key, tag.value ?? ""] as [string, string]);
