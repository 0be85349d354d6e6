/** Ending a trial: stopped, or promoted to a place by the model's policy. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { act, useMe } from "@/app/me";
import { modelQuery, policyQuery, type Request } from "@/features/registry/data";
import { TargetNeeds } from "@/features/registry/MoveDialog";
import { Reason, stageName, useChange } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { ClaimName, GateTable } from "@/features/registry/RequestCard";
import { ARCHIVED, NO_STAGE, rulesFor, stagesOf } from "@/features/registry/rules";
import { ActionDialog } from "@/ui/ActionDialog";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField } from "@/ui/Field";
import { toast } from "@/ui/Toasts";
import { messages } from "./messages";
import { placeOf, type Trial } from "./trials";

export function StopDialog({ name, trial, onClose }: { name: string; trial: Trial; onClose: () => void }) {
  const me = useMe();
  const [reason, setReason] = useState("");
  const { selector, shadow } = trial;
  const stop = useChange(
    () => act("/api/assay/v1/registry/traffic/stop", { name, selector, reason: reason.trim() }),
    {
      quiet: true,
      done: () => {
        toast({ text: messages.stopped(selector) });
        onClose();
      },
    },
  );
  return (
    <ActionDialog
      title={messages.stopOf(selector)}
      action={messages.stop}
      change={stop}
      onGo={() => stop.mutate(undefined)}
      onClose={onClose}
    >
      <p>{shadow ? messages.stopShadowHint : messages.stopHint}</p>
      <Reason value={reason} onChange={setReason} />
      <ClaimName me={me} />
    </ActionDialog>
  );
}

export function PromoteDialog({
  name,
  trial: { selector },
  sources,
  onClose,
}: {
  name: string;
  trial: Trial;
  /** What servers were asked to serve: the place that a promotion is for. */
  sources: string[];
  onClose: () => void;
}) {
  const me = useMe();
  const model = useQuery(modelQuery(name));
  const policy = useQuery(policyQuery(name));
  const [chosen, setChosen] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [made, setMade] = useState<Request | null>(null);
  const stages = stagesOf(policy.data?.rules).filter((stage) => stage !== NO_STAGE && stage !== ARCHIVED);
  const places = [...(model.data?.aliases ?? []).map((one) => `@${one.alias}`), ...stages].filter(
    (place) => place !== selector,
  );
  const likely = sources
    .map((source) => placeOf(source, name))
    .find((place) => place && places.includes(place));
  const to = chosen ?? likely ?? (places.includes("Production") ? "Production" : (places[0] ?? ""));
  const rules = rulesFor(policy.data?.rules, to);
  const promote = useChange(
    () => act("/api/assay/v1/registry/traffic/promote", { name, selector, to, reason: reason.trim() }),
    {
      quiet: true,
      done: (answer) => {
        const request = answer as unknown as Request;
        if (request.status !== "open" && request.status !== "completed") return setMade(request);
        toast({
          text:
            request.status === "completed" ? messages.promoted(selector, to) : messages.asks(stageName(to)),
        });
        onClose();
      },
    },
  );
  if (made) {
    return (
      <Dialog
        title={messages.notPromoted}
        size="wide"
        onClose={onClose}
        actions={<Button onClick={onClose}>{messages.close}</Button>}
      >
        <div className={registry.stack}>
          <p className={registry.break}>{made.status_reason}</p>
          <GateTable gates={made.checks} />
        </div>
      </Dialog>
    );
  }
  return (
    <ActionDialog
      title={messages.promoteOf(selector)}
      action={messages.promote}
      ready={to !== "" && !policy.isPending}
      change={promote}
      onGo={() => promote.mutate(undefined)}
      onClose={onClose}
    >
      <p>{messages.promoteHint}</p>
      <SelectField label={messages.to} value={to} onChange={(event) => setChosen(event.target.value)}>
        {places.map((place) => (
          <option key={place} value={place}>
            {place}
          </option>
        ))}
      </SelectField>
      {rules && <TargetNeeds target={to} rules={rules} />}
      <Reason value={reason} onChange={setReason} />
      <ClaimName me={me} />
    </ActionDialog>
  );
}
