/** Moving a version: says what the place asks for, what happens to others, and asks or moves. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/client";
import { act, useMe } from "@/app/me";
import { ActionDialog } from "@/ui/ActionDialog";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField } from "@/ui/Field";
import { Notice } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import { policyQuery, type Request, type TargetRules, type Version, versionsQuery } from "./data";
import { Impact } from "./Impact";
import { messages } from "./messages";
import { Reason, stageName, useChange } from "./parts";
import styles from "./Registry.module.css";
import { ClaimName, GateTable } from "./RequestCard";
import { ARCHIVED, allows, NO_STAGE, rulesFor, stagesOf } from "./rules";

const TRANSITION = "/api/2.0/mlflow/model-versions/transition-stage";

/** What a governed place asks for, in words. */
export function TargetNeeds({ target, rules }: { target: string; rules: TargetRules }) {
  const approvals = rules.approvals;
  return (
    <div className={styles.stack}>
      {rules.gates.length > 0 && (
        <div>
          <h3>{messages.gatesOf(stageName(target))}</h3>
          <ul className={styles.list}>
            {rules.gates.map((gate) => (
              <li key={gate.place}>
                <bdi>{gate.condition}</bdi>{" "}
                <span className={`${styles.quiet} ${styles.small}`}>
                  {gate.by_store ? messages.judgedAtOnce : messages.judgedByWorker}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
      {approvals && (
        <div>
          <h3>{messages.approvals}</h3>
          <ul className={styles.list}>
            <li>{messages.approvalsBy(approvals.count, approvals.from.map(messages.voter))}</li>
            <li>{approvals.author_may_approve ? messages.authorMay : messages.authorMayNot}</li>
            {approvals.signed_in && <li>{messages.signedInOnly}</li>}
            {approvals.expires_after_ms !== null && (
              <li>{messages.expiresAfter(approvals.expires_after_ms)}</li>
            )}
          </ul>
        </div>
      )}
    </div>
  );
}

export function MoveDialog({
  version,
  target: first,
  onClose,
}: {
  version: Version;
  target: string;
  onClose: () => void;
}) {
  const [target, setTarget] = useState(first);
  const [reason, setReason] = useState("");
  const [archive, setArchive] = useState(true);
  const [made, setMade] = useState<Request | null>(null);
  const me = useMe();
  const policy = useQuery(policyQuery(version.name));
  const others = useQuery(versionsQuery(version.name));
  const rules = rulesFor(policy.data?.rules, target);
  const allowed = allows(policy.data?.rules, version.current_stage, target);
  const rests = target === ARCHIVED || target === NO_STAGE;
  const held = rests
    ? []
    : (others.data ?? []).filter(
        (one) => one.version !== version.version && one.current_stage.toLowerCase() === target.toLowerCase(),
      );

  const ask = useChange(
    () =>
      act("/api/assay/v1/registry/requests/create", {
        name: version.name,
        version: Number(version.version),
        target,
        reason: reason.trim(),
      }),
    {
      quiet: true,
      done: (answer) => {
        const request = answer as unknown as Request;
        if (request.status !== "open" && request.status !== "completed") return setMade(request);
        toast({
          text: messages.requestNow(request.name, request.version, stageName(request.target), request.status),
        });
        onClose();
      },
    },
  );
  const move = useChange(
    ({ stage, archiving }: { stage: string; archiving: boolean }) =>
      act(TRANSITION, {
        name: version.name,
        version: version.version,
        stage,
        archive_existing_versions: archiving,
        reason: reason.trim(),
      }),
    {
      quiet: true,
      done: (_answer, input) => {
        const mayReturn = allows(policy.data?.rules, target, version.current_stage);
        toast({
          text: messages.moved(version.version, stageName(target)),
          undo: mayReturn ? () => back.mutate({ archived: input.archiving ? held : [] }) : undefined,
        });
        onClose();
      },
    },
  );
  const back = useChange(async ({ archived }: { archived: Version[] }) => {
    await act(TRANSITION, { name: version.name, version: version.version, stage: version.current_stage });
    for (const one of archived) {
      await act(TRANSITION, { name: one.name, version: one.version, stage: one.current_stage });
    }
  });
  const error = ask.error ?? move.error;
  const go = () =>
    rules ? ask.mutate(undefined) : move.mutate({ stage: target, archiving: archive && held.length > 0 });

  if (made) {
    return (
      <Dialog
        title={messages.requestStatuses[made.status]}
        size="wide"
        onClose={onClose}
        actions={<Button onClick={onClose}>{messages.close}</Button>}
      >
        <div className={styles.stack}>
          <p className={styles.break}>{made.status_reason}</p>
          <GateTable gates={made.checks} />
        </div>
      </Dialog>
    );
  }
  return (
    <ActionDialog
      title={messages.moveTitle(version.version)}
      action={rules ? messages.request : messages.move}
      ready={!policy.isPending && allowed}
      change={{ isPending: ask.isPending || move.isPending, error }}
      onGo={go}
      onClose={onClose}
    >
      <SelectField
        label={messages.fromTo(stageName(version.current_stage))}
        value={target}
        onChange={(event) => setTarget(event.target.value)}
      >
        {stagesOf(policy.data?.rules)
          .filter((stage) => stage !== version.current_stage)
          .map((stage) => (
            <option key={stage} value={stage}>
              {stageName(stage)}
            </option>
          ))}
        {target.startsWith("@") && <option value={target}>{target}</option>}
      </SelectField>
      {!allowed && (
        <Notice title={messages.noStep(stageName(version.current_stage), stageName(target))} tone="warn" />
      )}
      {rules ? (
        <>
          <p>{messages.governed(stageName(target))}</p>
          <TargetNeeds target={target} rules={rules} />
          {held.length > 0 && (
            <p>
              {messages.takesPlaceOf(
                held.map((one) => Number(one.version)),
                stageName(target),
              )}
            </p>
          )}
        </>
      ) : (
        <p className={styles.quiet}>{messages.free(stageName(target))}</p>
      )}
      {!rules && held.length > 0 && (
        <label className={styles.row}>
          <input type="checkbox" checked={archive} onChange={(event) => setArchive(event.target.checked)} />
          {messages.archiveOthers(held.map((one) => Number(one.version)))}
        </label>
      )}
      {target === ARCHIVED && <Impact name={version.name} version={version.version} />}
      <Reason value={reason} onChange={setReason} hint={messages.reasonHint} />
      {rules && <ClaimName me={me} />}
      {error instanceof ApiError && error.status === 409 && <p>{messages.conflictHint}</p>}
    </ActionDialog>
  );
}
