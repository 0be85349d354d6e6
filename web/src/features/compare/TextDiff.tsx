/** Two texts, side by side or in one column; equal stretches folded, changed words marked. */
import { Fragment, useMemo, useState } from "react";
import { Button } from "@/ui/Button";
import styles from "./Compare.module.css";
import { useLines } from "./files";
import { comparable, difference, folded, type Part, type Row, sideBySide, wordParts } from "./lines";
import { messages } from "./messages";
import { useCompareState } from "./state";

const SHOWN = 1_000;
const MAX_LINE = 2_000;
/** Marks that turn the direction of what follows would show code other than it is. */
const DIRECTIONS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function visible(text: string): string {
  const short = text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text;
  return short.replace(DIRECTIONS, (mark) => `⟨U+${mark.charCodeAt(0).toString(16).toUpperCase()}⟩`);
}

type Item = { kind: "row"; row: Row; key: number } | { kind: "fold"; from: number; count: number };

export function TextDiff({ left, right, label }: { left: string; right: string; label: string }) {
  const { compare } = useCompareState();
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const [most, setMost] = useState(SHOWN);
  const leftLines = useLines(left);
  const rightLines = useLines(right);
  const found = useMemo(() => {
    const counts = Boolean(compare.ws);
    const { changes, coarse } = difference(comparable(leftLines, counts), comparable(rightLines, counts));
    const rows = sideBySide(leftLines, rightLines, changes);
    const added = changes.filter((one) => one.kind === "added").length;
    const removed = changes.filter((one) => one.kind === "removed").length;
    return { blocks: folded(rows), coarse, added, removed };
  }, [leftLines, rightLines, compare.ws]);
  const items = useMemo(
    () =>
      found.blocks.flatMap((block): Item[] =>
        block.kind === "fold" && block.rows.length > 1 && !open.has(block.from)
          ? [{ kind: "fold", from: block.from, count: block.rows.length }]
          : block.rows.map((row, i) => ({ kind: "row", row, key: block.from + i })),
      ),
    [found, open],
  );
  if (!found.added && !found.removed) {
    return <p className={styles.note}>{left === right ? messages.equalTexts : messages.equalButSpace}</p>;
  }
  const Line = compare.inline ? InlineRow : SideRow;
  return (
    <>
      <p className={styles.note}>
        {messages.lines(found.added, found.removed)} {found.coarse && messages.coarse}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={styles.scroll} data-tall aria-label={label} tabIndex={0}>
        <table className={styles.code}>
          <colgroup>
            <col className={styles.number} />
            <col className={compare.inline ? styles.number : styles.sign} />
            <col className={compare.inline ? styles.sign : undefined} />
            {compare.inline ? (
              <col />
            ) : (
              <>
                <col className={styles.number} />
                <col className={styles.sign} />
                <col />
              </>
            )}
          </colgroup>
          <tbody>
            {items.slice(0, most).map((item) =>
              item.kind === "row" ? (
                <Line key={item.key} row={item.row} />
              ) : (
                <tr key={`fold${item.from}`} className={styles.fold}>
                  <td colSpan={compare.inline ? 4 : 6}>
                    <Button kind="quiet" onClick={() => setOpen(new Set([...open, item.from]))}>
                      {messages.fold(item.count)}
                    </Button>
                  </td>
                </tr>
              ),
            )}
          </tbody>
        </table>
        {items.length > most && (
          <Button onClick={() => setMost(most + SHOWN)}>
            {messages.moreRows(Math.min(SHOWN, items.length - most))}
          </Button>
        )}
      </section>
    </>
  );
}

function Words({ parts }: { parts: Part[] }) {
  return parts.map((part, i) =>
    part.changed ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of a line have nothing but their place
      <mark key={i}>{visible(part.text)}</mark>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <Fragment key={i}>{visible(part.text)}</Fragment>
    ),
  );
}

function partsOf(row: Row): { left: Part[]; right: Part[] } {
  if (!row.same && row.left && row.right) return wordParts(row.left.text, row.right.text);
  const whole = (side: Row["left"]) => (side ? [{ text: side.text, changed: false }] : []);
  return { left: whole(row.left), right: whole(row.right) };
}

function Sign({ kind }: { kind: "removed" | "added" | "same" | "nothing" }) {
  const sign = kind === "removed" ? "−" : kind === "added" ? "+" : "";
  return (
    <td className={styles.sign} data-side={kind}>
      {sign && (
        <>
          <span aria-hidden="true">{sign}</span>
          <span className="visually-hidden">{kind === "removed" ? messages.removed : messages.added}</span>
        </>
      )}
    </td>
  );
}

function SideRow({ row }: { row: Row }) {
  const parts = partsOf(row);
  const left = row.same ? "same" : row.left ? "removed" : "nothing";
  const right = row.same ? "same" : row.right ? "added" : "nothing";
  return (
    <tr>
      <td className={styles.number}>{row.left?.number}</td>
      <Sign kind={left} />
      <td data-side={left} dir="ltr">
        <Words parts={parts.left} />
      </td>
      <td className={styles.number}>{row.right?.number}</td>
      <Sign kind={right} />
      <td data-side={right} dir="ltr">
        <Words parts={parts.right} />
      </td>
    </tr>
  );
}

function InlineRow({ row }: { row: Row }) {
  const parts = partsOf(row);
  if (row.same) {
    return (
      <tr>
        <td className={styles.number}>{row.left?.number}</td>
        <td className={styles.number}>{row.right?.number}</td>
        <Sign kind="same" />
        <td dir="ltr">
          <Words parts={parts.right} />
        </td>
      </tr>
    );
  }
  return (
    <>
      {row.left && (
        <tr>
          <td className={styles.number}>{row.left.number}</td>
          <td className={styles.number} />
          <Sign kind="removed" />
          <td data-side="removed" dir="ltr">
            <Words parts={parts.left} />
          </td>
        </tr>
      )}
      {row.right && (
        <tr>
          <td className={styles.number} />
          <td className={styles.number}>{row.right.number}</td>
          <Sign kind="added" />
          <td data-side="added" dir="ltr">
            <Words parts={parts.right} />
          </td>
        </tr>
      )}
    </>
  );
}
