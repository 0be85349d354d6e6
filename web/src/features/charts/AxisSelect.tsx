/** What the axis of x shows: steps, times, a metric, or a computation over metrics, which is typed. */
import { type KeyboardEvent, useEffect, useId, useState } from "react";
import { SelectField, TextField } from "@/ui/Field";
import styles from "./Editor.module.css";
import { messages } from "./messages";
import { EXPRESSION_X, METRIC_X, readExpression } from "./places";

const MOST_METRICS = 200;
const EPOCH = /(^|\/)epoch$/i;

export function AxisSelect({
  value,
  keys,
  onChange,
  hideLabel = false,
  follow = "",
  onMistake,
}: {
  /** "" for what all panels show, if that can be chosen. */
  value: string;
  keys: string[];
  onChange: (x: string) => void;
  hideLabel?: boolean;
  /** The name of following the others; "" where there are none. */
  follow?: string;
  /** Told what is wrong with an expression while it is typed; "" for nothing. */
  onMistake?: (mistake: string) => void;
}) {
  const [typing, setTyping] = useState(false);
  const computed = value.startsWith(EXPRESSION_X);
  // The one in use stands there whatever became of it.
  const used = value.startsWith(METRIC_X) ? [value.slice(METRIC_X.length)] : [];
  const all = [...new Set([...used, ...keys])];
  const epochs = all.filter((key) => EPOCH.test(key));
  const metrics = all.filter((key) => !EPOCH.test(key)).slice(0, MOST_METRICS);
  return (
    <>
      <SelectField
        label={messages.x}
        hideLabel={hideLabel}
        title={messages.x}
        value={typing || computed ? EXPRESSION_X : value}
        onChange={(event) => {
          setTyping(event.target.value === EXPRESSION_X);
          if (event.target.value !== EXPRESSION_X) onChange(event.target.value);
        }}
      >
        {follow && <option value="">{follow}</option>}
        {Object.entries(messages.xs).map(([x, label]) => (
          <option key={x} value={x}>
            {label}
          </option>
        ))}
        {epochs.map((key) => (
          <option key={key} value={METRIC_X + key}>
            {messages.xEpoch(key)}
          </option>
        ))}
        <option value={EXPRESSION_X}>{messages.xExpression}</option>
        <optgroup label={messages.metricsGroup}>
          {metrics.map((key) => (
            <option key={key} value={METRIC_X + key}>
              {key}
            </option>
          ))}
        </optgroup>
      </SelectField>
      {(typing || computed) && (
        <ExpressionField
          key={value}
          text={computed ? value.slice(EXPRESSION_X.length) : ""}
          keys={keys}
          focus={typing}
          hideLabel={hideLabel}
          onMistake={onMistake}
          onText={(text) => {
            setTyping(false);
            onChange(EXPRESSION_X + text);
          }}
        />
      )}
    </>
  );
}

function ExpressionField({
  text,
  keys,
  focus,
  hideLabel,
  onMistake,
  onText,
}: {
  text: string;
  keys: string[];
  focus: boolean;
  hideLabel: boolean;
  onMistake: ((mistake: string) => void) | undefined;
  onText: (text: string) => void;
}) {
  const [typed, setTyped] = useState(text);
  const hint = useId();
  const { mistake } = readExpression(typed.trim(), keys);
  useEffect(() => {
    onMistake?.(mistake);
    return () => onMistake?.("");
  }, [mistake, onMistake]);
  const done = () => {
    if (typed.trim() && !mistake && typed.trim() !== text) onText(typed.trim());
  };
  return (
    <span className={styles.axisField}>
      <TextField
        label={messages.xExpressionLabel}
        hideLabel={hideLabel}
        title={messages.xExpressionLabel}
        placeholder={messages.xExpressionHint}
        maxLength={400}
        autoFocus={focus}
        value={typed}
        aria-invalid={mistake !== ""}
        aria-describedby={mistake ? hint : undefined}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={done}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          done();
        }}
      />
      {mistake && (
        <span id={hint} className={styles.mistake} role="alert">
          {mistake}
        </span>
      )}
    </span>
  );
}
