/** Putting a version on trial, or changing its share: which, how, and how much. */
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { act, useMe } from "@/app/me";
import { modelQuery, versionsQuery } from "@/features/registry/data";
import { Reason, useChange } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { ClaimName } from "@/features/registry/RequestCard";
import { NO_STAGE } from "@/features/registry/rules";
import { ActionDialog } from "@/ui/ActionDialog";
import { SelectField, TextField } from "@/ui/Field";
import { toast } from "@/ui/Toasts";
import type { Traffic } from "./data";
import { messages } from "./messages";
import styles from "./serving.module.css";
import { restOf, type Trial } from "./trials";

/** Header names that the format takes. */
const HEADER = /^[A-Za-z0-9_-]{1,64}$/;
const FIRST_SHARE = 10;

/** Ways to name a version, without those that are on trial already. */
function Selectors({ name, traffic }: { name: string; traffic: Traffic }) {
  const model = useQuery(modelQuery(name));
  const versions = useQuery(versionsQuery(name));
  const free = (selector: string) => !(selector in traffic.canaries) && !(selector in traffic.shadows);
  const stages = [...new Set((versions.data ?? []).map((one) => one.current_stage))];
  return (
    <>
      <option value="" />
      <optgroup label={messages.alias}>
        {(model.data?.aliases ?? [])
          .filter((one) => free(`@${one.alias}`))
          .map((one) => (
            <option key={one.alias} value={`@${one.alias}`}>
              {`@${one.alias} (${messages.means(Number(one.version))})`}
            </option>
          ))}
      </optgroup>
      <optgroup label={messages.stage}>
        {stages
          .filter((stage) => stage !== NO_STAGE && free(stage))
          .map((stage) => (
            <option key={stage} value={stage}>
              {stage}
            </option>
          ))}
      </optgroup>
      <optgroup label={messages.number}>
        {(versions.data ?? [])
          .filter((one) => free(one.version))
          .slice(0, 200)
          .map((one) => (
            <option key={one.version} value={one.version}>
              {messages.versionOf(one.version)}
            </option>
          ))}
      </optgroup>
    </>
  );
}

export function TryDialog({
  name,
  traffic,
  trial,
  onClose,
}: {
  name: string;
  traffic: Traffic;
  /** The one whose share is changed. */
  trial?: Trial;
  onClose: () => void;
}) {
  const me = useMe();
  const id = useId();
  const [selector, setSelector] = useState(trial?.selector ?? "");
  const [shadow, setShadow] = useState(trial?.shadow ?? false);
  const most = shadow ? 100 : Math.max(0, restOf(traffic, selector));
  const [percent, setPercent] = useState(trial?.percent ?? Math.min(FIRST_SHARE, most));
  const [sticky, setSticky] = useState("");
  const [reason, setReason] = useState("");
  const header = sticky.trim();
  const change = useChange(
    () =>
      act("/api/assay/v1/registry/traffic/try", {
        name,
        selector,
        percent,
        shadow,
        sticky: header || null,
        reason: reason.trim(),
      }),
    {
      quiet: true,
      done: () => {
        toast({ text: messages.isTried(selector, percent, shadow) });
        onClose();
      },
    },
  );
  return (
    <ActionDialog
      title={trial ? messages.changeOf(trial.selector) : messages.tryVersion}
      action={messages.set}
      ready={selector !== "" && percent > 0 && percent <= most && (!header || HEADER.test(header))}
      change={change}
      onGo={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {!trial && (
        <SelectField
          label={messages.selector}
          value={selector}
          onChange={(event) => setSelector(event.target.value)}
        >
          <Selectors name={name} traffic={traffic} />
        </SelectField>
      )}
      <fieldset className={styles.choices}>
        <legend className={registry.quiet}>{messages.kind}</legend>
        {(["canary", "shadow"] as const).map((kind) => (
          <label key={kind}>
            <input
              type="radio"
              name={id}
              checked={shadow === (kind === "shadow")}
              onChange={() => setShadow(kind === "shadow")}
            />
            {messages.kinds[kind]}
          </label>
        ))}
      </fieldset>
      <div className={styles.slide}>
        <span className={registry.stack}>
          <label htmlFor={`${id}-share`} className={registry.quiet}>
            {messages.share}
          </label>
          <input
            id={`${id}-share`}
            type="range"
            min={0}
            max={Math.floor(most)}
            step={1}
            value={percent}
            onChange={(event) => setPercent(Number(event.target.value))}
          />
        </span>
        <TextField
          label={messages.exactly}
          type="number"
          min={0}
          max={most}
          step="any"
          value={String(percent)}
          onChange={(event) => setPercent(Number(event.target.value))}
        />
      </div>
      <TextField
        label={`${messages.sticky}. ${messages.stickyHint}`}
        placeholder={traffic.sticky ?? "x-user"}
        value={sticky}
        onChange={(event) => setSticky(event.target.value)}
      />
      <Reason value={reason} onChange={setReason} />
      <ClaimName me={me} />
    </ActionDialog>
  );
}
