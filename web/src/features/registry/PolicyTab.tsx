/** A model's policy: what it means, its text, its revisions; editing for those who may. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { act, useMe } from "@/app/me";
import { ActionDialog } from "@/ui/ActionDialog";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { Chip, Time } from "@/ui/Facts";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import { policyQuery, revisionsQuery } from "./data";
import { TargetNeeds } from "./MoveDialog";
import { messages } from "./messages";
import { Person, Reason, Section, stageName, TextArea, useChange } from "./parts";
import styles from "./Registry.module.css";

/** What an editor of a model without a policy begins with. */
const TEMPLATE = `policy: 1
to:
  Production:
    gates:
      - {metric: val_accuracy, at_least: 0.9}
    approvals: {count: 1}
`;

function Editor({ name, text: first, onClose }: { name: string; text: string; onClose: () => void }) {
  const [text, setText] = useState(first);
  const [reason, setReason] = useState("");
  const save = useChange(
    () => act("/api/assay/v1/registry/policies/set", { name, text, reason: reason.trim() }),
    {
      quiet: true,
      done: () => {
        toast({ text: messages.policySaved });
        onClose();
      },
    },
  );
  return (
    <ActionDialog
      title={messages.editPolicy}
      action={messages.save}
      size="wide"
      ready={text !== first}
      change={save}
      onGo={() => save.mutate(undefined)}
      onClose={onClose}
    >
      <TextArea
        label={messages.policyText}
        hint={messages.policyHint}
        code
        rows={16}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Reason value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

function Remove({ name, onClose }: { name: string; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const remove = useChange(
    () => act("/api/assay/v1/registry/policies/remove", { name, reason: reason.trim() }),
    {
      quiet: true,
      done: () => {
        toast({ text: messages.policyRemoved });
        onClose();
      },
    },
  );
  return (
    <ActionDialog
      title={messages.removePolicy}
      kind="danger"
      change={remove}
      onGo={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>{messages.removePolicyHint}</p>
      <Reason value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

function Revisions({ name, current }: { name: string; current: number }) {
  const revisions = useQuery(revisionsQuery(name));
  const [open, setOpen] = useState<number | null>(null);
  const shown = revisions.data?.find((one) => one.revision === open);
  if (!revisions.data?.length) return null;
  return (
    <Section title={messages.revisions}>
      <ul className={styles.plain}>
        {revisions.data.map((one) => (
          <li key={one.revision} className={styles.row}>
            <Button
              aria-pressed={one.revision === open}
              onClick={() => setOpen(one.revision === open ? null : one.revision)}
            >
              {messages.revision(one.revision)}
            </Button>
            {one.revision === current && <Chip tone="good">{messages.inForce}</Chip>}
            {one.text === "" && <Chip>{messages.removed}</Chip>}
            <Person name={one.author} />
            <Time ms={one.time} />
          </li>
        ))}
      </ul>
      {shown && (shown.text ? <Snippet code={shown.text} /> : <p>{messages.removed}</p>)}
    </Section>
  );
}

export function PolicyTab({ name }: { name: string }) {
  const me = useMe();
  const policy = useQuery(policyQuery(name));
  const [dialog, setDialog] = useState<"edit" | "remove" | null>(null);
  if (policy.isPending) return <Skeleton height={200} />;
  if (policy.isError) return <ErrorNotice error={policy.error} retry={() => policy.refetch()} />;
  const { revision, rules } = policy.data;
  const own = revision !== null && revision.name !== "";
  const may = me.may("manage");
  return (
    <div className={styles.stack}>
      <div className={styles.row}>
        {revision ? (
          <>
            <Chip tone="accent">{own ? messages.ownPolicy : messages.defaultPolicy}</Chip>
            <span>{messages.revision(revision.revision)}</span>
            <span>
              {messages.setBy} <Person name={revision.author} />
            </span>
            <Time ms={revision.time} />
          </>
        ) : (
          <span className={styles.quiet}>{messages.noPolicy}</span>
        )}
        {may ? (
          <>
            <Button onClick={() => setDialog("edit")}>
              {own ? messages.editPolicy : messages.setPolicy}
            </Button>
            {own && (
              <Button kind="danger" onClick={() => setDialog("remove")}>
                {messages.removePolicy}
              </Button>
            )}
          </>
        ) : (
          <span className={styles.quiet}>{messages.needsManage}</span>
        )}
      </div>
      {!revision && <Notice title={messages.noPolicyTitle}>{messages.noPolicyHint}</Notice>}
      {rules && (
        <div className={styles.grid}>
          {Object.entries(rules.targets).map(([target, needs]) => (
            <Section key={target} title={messages.toReach(stageName(target))}>
              <TargetNeeds target={target} rules={needs} />
            </Section>
          ))}
          <Section title={messages.steps}>
            <div className={styles.row}>
              {rules.stages.map((stage) => (
                <Chip key={stage}>{stageName(stage)}</Chip>
              ))}
            </div>
            {rules.transitions === null ? (
              <p className={styles.quiet}>{messages.allSteps}</p>
            ) : (
              <ul className={styles.list}>
                {rules.transitions.map((step) => (
                  <li key={step}>{step.replace("->", "→")}</li>
                ))}
              </ul>
            )}
            <p>
              {rules.rollback_by.length
                ? messages.rollbackBy(rules.rollback_by.map(messages.voter))
                : messages.rollbackAnybody}
            </p>
          </Section>
        </div>
      )}
      {revision?.text && (
        <Section title={messages.policyText}>
          <Snippet code={revision.text} />
        </Section>
      )}
      <Revisions name={name} current={own ? revision.revision : 0} />
      {dialog === "edit" && (
        <Editor name={name} text={revision?.text || TEMPLATE} onClose={() => setDialog(null)} />
      )}
      {dialog === "remove" && <Remove name={name} onClose={() => setDialog(null)} />}
    </div>
  );
}
