/** The query box: a combobox that completes fields and values, underlines mistakes, and remembers what was asked. */
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import {
  type KeyboardEvent,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
} from "react";
import { type ApiError, post } from "@/api/client";
import { keep, readKept } from "@/app/preferences";
import { type Keys, OPERATORS } from "@/features/experiment/data";
import { IconButton } from "@/ui/Button";
import { messages } from "./messages";
import styles from "./QueryBox.module.css";
import { fields, joints, operators, type Suggestion, taken, values, wantedAt } from "./suggest";

const HISTORY = "assay.queries";
const MOST_KEPT = 20;
const APPLY_AFTER_MS = 300;
/** The start of an expression whose operator is still to come. */
const FIELD_START = /^\s*\(*\s*(?:metric|param|parameter|tag|attribute|attr|run|dataset)s?\./i;

function history(): string[] {
  const found = readKept<unknown>(HISTORY, []);
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}

function remember(query: string): void {
  if (query) keep(HISTORY, [query, ...history().filter((one) => one !== query)].slice(0, MOST_KEPT));
}

export interface QueryBoxHandle {
  focus: () => void;
}

export function QueryBox({
  value,
  keys,
  experimentIds,
  error,
  onChange,
  ref,
}: {
  value: string;
  keys: Keys | undefined;
  experimentIds: string[];
  error: ApiError | null;
  /** `step` for what the back button should step through. */
  onChange: (query: string, step: boolean) => void;
  ref: Ref<QueryBoxHandle>;
}) {
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(value.length);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const timer = useRef(0);
  const id = useId();
  useImperativeHandle(ref, () => ({ focus: () => input.current?.focus() }));
  const applied = useRef(value);
  useEffect(() => {
    // The address moved for another reason than this box: it leads.
    if (value === applied.current) return;
    applied.current = value;
    setText(value);
    setCaret(value.length);
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const want = useMemo(() => wantedAt(text, caret), [text, caret]);
  const column = want.what === "value" && want.column.kind !== "metric" ? want.column : null;
  const prefix = want.what === "value" ? want.part.replace(/^'/, "") : "";
  const found = useQuery({
    queryKey: ["values", experimentIds, column?.kind, column?.key, prefix],
    queryFn: ({ signal }) =>
      post(
        "/api/assay/v1/runs/values",
        {
          experiment_ids: experimentIds,
          kind: column?.kind ?? "param",
          key: column?.key ?? "",
          prefix,
          limit: 20,
        },
        signal,
      ),
    enabled:
      open && column !== null && !/time|duration|_id$/.test(column.kind === "attribute" ? column.key : ""),
    staleTime: 30_000,
    retry: false,
    placeholderData: (before) => before,
  }).data;

  const past = open && text === "";
  const list = useMemo((): Suggestion[] => {
    if (past) return history().map((one) => ({ text: one, insert: one, detail: messages.before }));
    if (want.what === "field") return want.part ? fields(keys, want.part, messages.runs) : [];
    if (want.what === "operator") return operators(want.column, want.part);
    if (want.what === "value") return column && found ? values(found.values, messages.runs) : [];
    return text.trim() && /\s$/.test(text) ? joints(want.part) : [];
  }, [past, want, keys, found, column, text]);

  const apply = (query: string, step: boolean) => {
    window.clearTimeout(timer.current);
    applied.current = query.trim();
    if (step) remember(applied.current);
    onChange(applied.current, step);
  };
  const type = (next: string, place: number) => {
    setText(next);
    setCaret(place);
    setAt(-1);
    setOpen(true);
    window.clearTimeout(timer.current);
    // Words find names while they are typed; an expression is no question before it is whole.
    if (!OPERATORS.test(next) && !FIELD_START.test(next))
      timer.current = window.setTimeout(() => apply(next, false), APPLY_AFTER_MS);
  };
  const take = (suggestion: Suggestion) => {
    const next = past
      ? { text: suggestion.insert, caret: suggestion.insert.length }
      : taken(text, caret, want, suggestion);
    type(next.text, next.caret);
    window.clearTimeout(timer.current);
    if (past) apply(next.text, true);
    requestAnimationFrame(() => input.current?.setSelectionRange(next.caret, next.caret));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter") {
      event.preventDefault();
      const chosen = list[at];
      if (open && chosen) take(chosen);
      else {
        setOpen(false);
        apply(text, true);
      }
    } else if (event.key === "Escape") {
      if (open && list.length) {
        event.stopPropagation();
        setOpen(false);
      } else input.current?.blur();
    } else if (event.key === "Tab" && open && list.length && at >= 0) {
      event.preventDefault();
      take(list[at] as Suggestion);
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && list.length) {
      event.preventDefault();
      setOpen(true);
      const by = event.key === "ArrowDown" ? 1 : -1;
      setAt((before) => (before + by + list.length + (before < 0 && by < 0 ? 1 : 0)) % list.length);
    }
  };
  const place = error?.position ?? null;
  const shift = text.length - text.trimStart().length;
  const wrong =
    place !== null && text.trim() === value ? { from: place + shift, length: error?.length || 1 } : null;
  const shown = open && list.length > 0;
  return (
    <div className={styles.box} role="search">
      <div className={styles.line} data-wrong={error ? "" : undefined}>
        <div className={styles.mirror} ref={mirror} aria-hidden="true">
          {wrong && (
            <>
              {text.slice(0, wrong.from)}
              <mark>{text.slice(wrong.from, wrong.from + wrong.length) || " "}</mark>
              {text.slice(wrong.from + wrong.length)}
            </>
          )}
        </div>
        <input
          ref={input}
          className={styles.input}
          role="combobox"
          aria-label={messages.query}
          aria-expanded={shown}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          placeholder={messages.queryHint}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) =>
            type(event.target.value, event.target.selectionStart ?? event.target.value.length)
          }
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
          onScroll={(event) => {
            if (mirror.current) mirror.current.scrollLeft = event.currentTarget.scrollLeft;
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {text && (
          <IconButton
            label={messages.clearQuery}
            className={styles.clear}
            onClick={() => {
              setText("");
              setCaret(0);
              apply("", true);
              input.current?.focus();
            }}
          >
            <X size={14} />
          </IconButton>
        )}
      </div>
      {error && (
        <div className={styles.error} id={`${id}-error`} role="alert">
          {error.message}
        </div>
      )}
      <div
        className={styles.list}
        id={`${id}-list`}
        role="listbox"
        aria-label={messages.suggestions}
        hidden={!shown}
      >
        {shown &&
          list.map((one, place) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the box keeps the focus and names the active option
            <div
              key={one.text + one.insert}
              id={`${id}-${place}`}
              role="option"
              aria-selected={place === at}
              className={styles.option}
              onMouseDown={(event) => {
                event.preventDefault();
                take(one);
              }}
            >
              <bdi>{one.text}</bdi>
              {one.detail && <span>{one.detail}</span>}
            </div>
          ))}
      </div>
    </div>
  );
}
