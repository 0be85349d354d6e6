/** What can be done with the selected runs. */
import { useState } from "react";
import { address } from "@/api/client";
import { May } from "@/app/May";
import type { Column } from "@/features/experiment/columns";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { Menu } from "@/ui/Menu";
import { messages } from "./messages";
import styles from "./RunTable.module.css";
import type { TableColumn } from "./tableColumns";
import { MOST_NAMED, type Selection } from "./useSelection";

export type TagChange =
  | { action: "set_tags"; tags: Record<string, string> }
  | { action: "delete_tags"; keys: string[] }
  | { action: "stop" };

type Format = keyof typeof messages.exportAs;

/** A column of a file; curves are none. */
function exported({ kind, key, stat, of }: TableColumn): Column[] {
  return kind === "spark" ? [] : [{ kind, key, stat, of }];
}

/** Where a file with runs is fetched. */
export function exportAddress(
  which: Selection["request"],
  order: string[],
  format: Format,
  columns?: TableColumn[],
): string {
  return address("/api/assay/v1/runs/export", {
    experiment_ids: which.experiment_ids,
    filter: which.filter,
    view: which.view,
    run_ids: which.run_ids,
    except_run_ids: which.except_run_ids,
    order_by: order,
    format,
    columns: columns && JSON.stringify(columns.flatMap(exported)),
  });
}

export function download(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}

export function SelectionBar({
  selection,
  total,
  deleted,
  columns,
  order,
  onCompare,
  onMove,
  onTags,
}: {
  selection: Selection;
  total: number;
  deleted: boolean;
  columns: TableColumn[];
  order: string[];
  onCompare: () => void;
  onMove: (action: "delete" | "restore") => void;
  onTags: (change: TagChange) => void;
}) {
  const [tagging, setTagging] = useState(false);
  const [stopping, setStopping] = useState(false);
  const save = (format: Format, shown: boolean) =>
    download(exportAddress(selection.request, order, format, shown ? columns : undefined));
  // The file's address names what is left out of “all”.
  const canExport = selection.except.length <= MOST_NAMED;
  return (
    <div className={styles.selection} role="toolbar" aria-label={messages.selected(selection.count)}>
      <strong>{messages.selected(selection.count)}</strong>
      {!selection.all && total > selection.count && (
        <Button kind="quiet" onClick={selection.selectAll}>
          {messages.selectAll(total)}
        </Button>
      )}
      <Button kind="primary" onClick={onCompare}>
        {messages.compare}
      </Button>
      <May to="write">
        <Button onClick={() => setTagging(true)}>{messages.tag}</Button>
      </May>
      {canExport && (
        <Menu
          label={messages.export}
          trigger={<Button>{messages.export}</Button>}
          entries={[
            ...(Object.keys(messages.exportAs) as Format[]).map((format) => ({
              label: `${messages.exportAs[format]} ${messages.exportShown}`,
              onSelect: () => save(format, true),
            })),
            "separator" as const,
            ...(Object.keys(messages.exportAs) as Format[]).map((format) => ({
              label: `${messages.exportAs[format]} ${messages.exportAllKeys}`,
              onSelect: () => save(format, false),
            })),
          ]}
        />
      )}
      {!deleted && (
        <May to="write">
          <Button onClick={() => setStopping(true)}>{messages.stop}</Button>
        </May>
      )}
      <May to="manage">
        {deleted ? (
          <Button onClick={() => onMove("restore")}>{messages.restore}</Button>
        ) : (
          <Button kind="danger" onClick={() => onMove("delete")}>
            {messages.delete}
          </Button>
        )}
      </May>
      <Button kind="quiet" onClick={selection.clear}>
        {messages.clearSelection}
      </Button>
      {stopping && (
        <Dialog
          title={messages.stopTitle(selection.count)}
          onClose={() => setStopping(false)}
          actions={
            <>
              <Button onClick={() => setStopping(false)}>{messages.cancel}</Button>
              <Button
                kind="danger"
                onClick={() => {
                  setStopping(false);
                  onTags({ action: "stop" });
                }}
              >
                {messages.stopDo}
              </Button>
            </>
          }
        >
          <p>{messages.stopHint}</p>
        </Dialog>
      )}
      {tagging && <TagDialog count={selection.count} onClose={() => setTagging(false)} onTags={onTags} />}
    </div>
  );
}

function TagDialog({
  count,
  onClose,
  onTags,
}: {
  count: number;
  onClose: () => void;
  onTags: (change: TagChange) => void;
}) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const done = (change: TagChange) => {
    onTags(change);
    onClose();
  };
  return (
    <Dialog
      title={messages.tagTitle(count)}
      onClose={onClose}
      actions={
        <>
          <Button disabled={!key.trim()} onClick={() => done({ action: "delete_tags", keys: [key.trim()] })}>
            {messages.tagRemove}
          </Button>
          <Button
            kind="primary"
            disabled={!key.trim()}
            onClick={() => done({ action: "set_tags", tags: { [key.trim()]: value } })}
          >
            {messages.tagSet}
          </Button>
        </>
      }
    >
      <div className={styles.form}>
        <TextField label={messages.tagKey} value={key} onChange={(event) => setKey(event.target.value)} />
        <TextField
          label={messages.tagValue}
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
      </div>
    </Dialog>
  );
}
