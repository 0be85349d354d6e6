/** Settings of all panels: what is on the axes, how lines are smoothed, grouped and coloured. */
import { Plus, Settings2, ZoomOut } from "lucide-react";
import { type ReactNode, useDeferredValue, useEffect, useState } from "react";
import { AGGREGATES, SPREADS } from "@/charts/align";
import { SCALES } from "@/charts/ranges";
import { SMOOTHINGS } from "@/charts/smoothing";
import { Button } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { Popover } from "@/ui/Popover";
import { AxisSelect } from "./AxisSelect";
import type { SetCharts } from "./board";
import { messages } from "./messages";
import { freshId } from "./Panel";
import { PanelEditor } from "./PanelEditor";
import { type ChartState, FOLLOWS, LIMITS, OUTLIERS } from "./state";
import styles from "./Toolbar.module.css";

export interface Choice {
  id: string;
  label: string;
}

/** What runs may be grouped, coloured or dashed by. */
export interface Choices {
  params: Choice[];
  tags: Choice[];
  attributes: Choice[];
  metrics: Choice[];
}

export interface ToolbarProps {
  state: ChartState;
  set: SetCharts;
  keys: string[];
  choices: Choices;
  /** For a single run, groups and colours say nothing. */
  several: boolean;
  layouts?: ReactNode;
}

const MOST_CHOICES = 200;

function Options({ label, choices }: { label: string; choices: Choice[] }) {
  if (!choices.length) return null;
  return (
    <optgroup label={label}>
      {choices.slice(0, MOST_CHOICES).map((one) => (
        <option key={one.id} value={one.id}>
          {one.label}
        </option>
      ))}
    </optgroup>
  );
}

export function Toolbar({ state, set, keys, choices, several, layouts }: ToolbarProps) {
  const [adding, setAdding] = useState(false);
  return (
    <div className={styles.toolbar} role="toolbar" aria-label={messages.charts}>
      <Find state={state} set={set} />
      <AxisSelect value={state.x} keys={keys} hideLabel onChange={(x) => set({ x, zoom: null })} />
      <SelectField
        label={messages.smoothing}
        hideLabel
        title={messages.smoothing}
        value={state.smooth}
        onChange={(event) => set({ smooth: SMOOTHINGS.find((one) => one === event.target.value) })}
      >
        {SMOOTHINGS.map((one) => (
          <option key={one} value={one}>
            {messages.smoothings[one]}
          </option>
        ))}
      </SelectField>
      {state.smooth !== "none" && <Amount state={state} set={set} />}
      {several && (
        <SelectField
          label={messages.groupBy}
          hideLabel
          title={messages.groupBy}
          value={state.group[0] ?? ""}
          onChange={(event) => set({ group: event.target.value ? [event.target.value] : [] })}
        >
          <option value="">{messages.noGroup}</option>
          <Options label={messages.params} choices={choices.params} />
          <Options label={messages.tags} choices={choices.tags} />
          <Options label={messages.attributes} choices={choices.attributes} />
        </SelectField>
      )}
      <Popover
        label={messages.settings}
        trigger={
          <Button>
            <Settings2 size={14} aria-hidden="true" />
            {messages.settings}
          </Button>
        }
      >
        {() => <MoreSettings state={state} set={set} choices={choices} several={several} />}
      </Popover>
      <SelectField
        label={messages.columnsLabel}
        hideLabel
        title={messages.columnsLabel}
        className={styles.onlyWide}
        value={state.cols}
        onChange={(event) => set({ cols: Number(event.target.value) })}
      >
        {[1, 2, 3, 4, 5, 6].map((count) => (
          <option key={count} value={count}>
            {messages.columns(count)}
          </option>
        ))}
      </SelectField>
      {layouts}
      <Button onClick={() => setAdding(true)}>
        <Plus size={14} aria-hidden="true" />
        {messages.addPanel}
      </Button>
      {state.zoom && (
        <Button kind="primary" title={messages.zoomed} onClick={() => set({ zoom: null })}>
          <ZoomOut size={14} aria-hidden="true" />
          {messages.resetZoom}
        </Button>
      )}
      {adding && (
        <PanelEditor
          spec={null}
          keys={keys}
          onClose={() => setAdding(false)}
          onSave={(change) => set({ extra: [...state.extra, { ...change, id: freshId(state.extra) }] })}
        />
      )}
    </div>
  );
}

function Find({ state, set }: Pick<ToolbarProps, "state" | "set">) {
  const [typed, setTyped] = useState(state.find);
  const calm = useDeferredValue(typed);
  useEffect(() => setTyped(state.find), [state.find]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed is told, not what came from the address
  useEffect(() => {
    if (calm !== state.find) set({ find: calm }, { replace: true });
  }, [calm]);
  return (
    <TextField
      label={messages.find}
      hideLabel
      type="search"
      placeholder={`${messages.find} (${messages.findHint})`}
      className={styles.find}
      maxLength={200}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}

function Amount({ state, set }: Pick<ToolbarProps, "state" | "set">) {
  return (
    <label className={styles.amount}>
      <span className="visually-hidden">{messages.amount}</span>
      <input
        type="range"
        min={0}
        max={0.99}
        step={0.01}
        value={state.amount}
        onChange={(event) => set({ amount: Number(event.target.value) }, { replace: true })}
      />
      <output>{state.amount.toFixed(2)}</output>
    </label>
  );
}

function MoreSettings({
  state,
  set,
  choices,
  several,
}: Pick<ToolbarProps, "state" | "set" | "choices" | "several">) {
  const check = (key: "band" | "lockY" | "values" | "events", label: string) => (
    <label className={styles.check}>
      <input
        type="checkbox"
        checked={state[key]}
        onChange={(event) => set({ [key]: event.target.checked })}
      />
      {label}
    </label>
  );
  const scale = (key: "xScale" | "y", label: string) => (
    <SelectField
      label={label}
      value={state[key]}
      onChange={(event) => set({ [key]: SCALES.find((one) => one === event.target.value) ?? "linear" })}
    >
      {SCALES.map((one) => (
        <option key={one} value={one}>
          {messages.scales[one]}
        </option>
      ))}
    </SelectField>
  );
  return (
    <div className={styles.settings}>
      {scale("y", messages.yScale)}
      {scale("xScale", messages.xScale)}
      <SelectField
        label={messages.outliers}
        value={state.outliers}
        onChange={(event) => set({ outliers: Number(event.target.value) })}
      >
        {OUTLIERS.map((percent) => (
          <option key={percent} value={percent}>
            {percent ? messages.outliersOf(percent) : messages.outliersNone}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={messages.follow}
        value={state.follow}
        onChange={(event) => set({ follow: Number(event.target.value) })}
      >
        {FOLLOWS.map((share) => (
          <option key={share} value={share}>
            {share ? messages.followPart(share) : messages.followAll}
          </option>
        ))}
      </SelectField>
      {several && (
        <>
          <SelectField
            label={messages.aggregate}
            value={state.agg}
            onChange={(event) => set({ agg: AGGREGATES.find((one) => one === event.target.value) })}
          >
            {AGGREGATES.map((one) => (
              <option key={one} value={one}>
                {messages.aggregates[one]}
              </option>
            ))}
          </SelectField>
          <SelectField
            label={messages.spread}
            value={state.spread}
            onChange={(event) => set({ spread: SPREADS.find((one) => one === event.target.value) })}
          >
            {SPREADS.map((one) => (
              <option key={one} value={one}>
                {messages.spreads[one]}
              </option>
            ))}
          </SelectField>
          <SelectField
            label={messages.colourBy}
            value={state.colour}
            onChange={(event) => set({ colour: event.target.value })}
          >
            <option value="">{messages.byRun}</option>
            {!Object.values(choices).some((some: Choice[]) => some.some((one) => one.id === state.colour)) &&
              state.colour && <option value={state.colour}>{state.colour.replace(/^[^:]*:/, "")}</option>}
            <Options label={messages.params} choices={choices.params} />
            <Options label={messages.tags} choices={choices.tags} />
            <Options label={messages.attributes} choices={choices.attributes} />
            <Options label={messages.metricsGroup} choices={choices.metrics} />
          </SelectField>
          <SelectField
            label={messages.dashBy}
            value={state.dash}
            onChange={(event) => set({ dash: event.target.value })}
          >
            <option value="">{messages.noDash}</option>
            <Options label={messages.params} choices={choices.params} />
            <Options label={messages.tags} choices={choices.tags} />
            <Options label={messages.attributes} choices={choices.attributes} />
          </SelectField>
          <SelectField
            label={messages.limit}
            value={state.limit}
            onChange={(event) => set({ limit: Number(event.target.value) })}
          >
            {LIMITS.map((count) => (
              <option key={count} value={count}>
                {count}
              </option>
            ))}
          </SelectField>
        </>
      )}
      {check("band", messages.band)}
      {check("lockY", messages.lockY)}
      {check("values", messages.values)}
      {check("events", messages.events)}
    </div>
  );
}
