/** Going back: which version gets its place again, what changes by it, and why. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { act, useMe } from "@/app/me";
import { ActionDialog } from "@/ui/ActionDialog";
import { SelectField } from "@/ui/Field";
import { Notice, Skeleton } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import { auditQuery, policyQuery, versionsQuery } from "./data";
import { MetricsDiff } from "./MetricsDiff";
import { messages } from "./messages";
import { Reason, stageName, useChange } from "./parts";
import styles from "./Registry.module.css";
import { ClaimName } from "./RequestCard";
import { ARCHIVED, holdersBefore, NO_STAGE, rulesFor, stagesOf, trail } from "./rules";

/** The stage that is furthest on comes first, aliases last. */
const rank = (stages: string[], target: string): number => stages.indexOf(target);

const without = (versions: number[], others: number[]): number[] =>
  versions.filter((version) => !others.includes(version));

export function RollbackDialog({
  name,
  target: first,
  onClose,
}: {
  name: string;
  target?: string;
  onClose: () => void;
}) {
  const me = useMe();
  const [reason, setReason] = useState("");
  const [chosen, setChosen] = useState(first);
  const audit = useQuery(auditQuery(name));
  const versions = useQuery(versionsQuery(name));
  const policy = useQuery(policyQuery(name));
  const back = useMemo(() => {
    const records = audit.data ?? [];
    const existing = new Set((versions.data ?? []).map((one) => Number(one.version)));
    const targets = new Set(
      records.flatMap((record) => (record.details.moves ?? []).map((move) => move.target)),
    );
    return [...targets]
      .filter((target) => target !== ARCHIVED && target !== NO_STAGE)
      .flatMap((target) => {
        const states = trail(records, target);
        const before = holdersBefore(states, existing, rulesFor(policy.data?.rules, target) !== null);
        return before ? [{ target, now: states.at(-1) ?? [], before }] : [];
      })
      .sort(
        (a, b) => rank(stagesOf(policy.data?.rules), b.target) - rank(stagesOf(policy.data?.rules), a.target),
      );
  }, [audit.data, versions.data, policy.data]);
  const place =
    back.find((one) => one.target === chosen) ?? back.find((one) => one.target === "Production") ?? back[0];
  const roll = useChange(
    (target: string) => act("/api/assay/v1/registry/rollback", { name, target, reason: reason.trim() }),
    {
      quiet: true,
      done: (_answer, target) => {
        toast({ text: messages.rolledBackTo(stageName(target), place?.before ?? []) });
        onClose();
      },
    },
  );
  const loading = audit.isPending || versions.isPending;
  const [before] = place ? without(place.before, place.now).slice(-1) : [];
  const [now] = place ? without(place.now, place.before).slice(-1) : [];
  return (
    <ActionDialog
      title={messages.rollback}
      size="wide"
      ready={place !== undefined}
      change={roll}
      onGo={() => place && roll.mutate(place.target)}
      onClose={onClose}
    >
      {loading ? (
        <Skeleton height={120} />
      ) : !place ? (
        <Notice title={messages.nothingBefore}>{messages.nothingBeforeHint}</Notice>
      ) : (
        <div className={styles.stack}>
          <SelectField
            label={messages.place}
            value={place.target}
            onChange={(event) => setChosen(event.target.value)}
          >
            {back.map((one) => (
              <option key={one.target} value={one.target}>
                {stageName(one.target)}
              </option>
            ))}
          </SelectField>
          <p>
            <strong>{messages.rollbackChange(stageName(place.target), place.now, place.before)}</strong>{" "}
            {!place.target.startsWith("@") && messages.rollbackArchives(without(place.now, place.before))}
          </p>
          <p className={styles.quiet}>{messages.rollbackNoGates}</p>
          {before !== undefined && now !== undefined && (
            <MetricsDiff name={name} version={String(before)} other={String(now)} onlyChanged />
          )}
          <Reason value={reason} onChange={setReason} hint={messages.reasonHint} />
          <ClaimName me={me} />
        </div>
      )}
    </ActionDialog>
  );
}
