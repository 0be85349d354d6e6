/** The files of a run, a logged model or a version: a tree beside the file that is open. */
import { useQueryClient } from "@tanstack/react-query";
import { Download, FolderTree, RefreshCw } from "lucide-react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useMe } from "@/app/me";
import { keep, readKept } from "@/app/preferences";
import { Button, IconButton } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { ErrorNotice, Notice } from "@/ui/Notice";
import styles from "./files.module.css";
import { messages } from "./messages";
import { CopyMenu, Preview } from "./Preview";
import { hasFile, type Order, type Place, placeKey, zipUrl } from "./place";
import { SortHeads } from "./SortHeads";
import { Tree } from "./Tree";
import { TreeModel } from "./treeModel";
import { DropZone, UploadButton, UploadList, useUploads } from "./Uploads";

export type { Place } from "./place";

export interface FilesProps {
  place: Place;
  /** The file that is open, and a line of it from 1: both belong into the address. */
  path?: string;
  line?: number;
  /** Whether who may write can add files here. */
  writable?: boolean;
  /** Open another file, or none. `replace`: back should not step through it. */
  onPath: (path: string | undefined, options?: { line?: number; replace?: boolean }) => void;
}

const LAST_PATH = "assay.files.last-path";
const ORDER = "assay.files.order";
const TYPING_MS = 250;
/** Many small files arrive together: the tree is read again once for them. */
const STORED_MS = 300;

function keptOrder(): Order {
  const kept = readKept<Partial<Order> | null>(ORDER, null);
  return { sort: kept?.sort === "size" ? "size" : "name", descending: kept?.descending === true };
}

/** The file that was looked at last is opened again, where this run has it too. */
function useLastPath({ place, path, onPath }: FilesProps): void {
  const key = placeKey(place);
  useEffect(() => {
    if (path) keep(LAST_PATH, path);
  }, [path]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each place, not when its file is closed
  useEffect(() => {
    const last = readKept<unknown>(LAST_PATH, "");
    if (path || typeof last !== "string" || !last) return;
    const abort = new AbortController();
    hasFile(place, last, abort.signal).then(
      (there) => there && !abort.signal.aborted && onPath(last, { replace: true }),
      () => undefined,
    );
    return () => abort.abort();
  }, [key]);
}

/** What arrives in the run: the tree shows it, and what was known of a file that it replaced is forgotten. */
function useArriving({ place, path, writable = false }: FilesProps, model: TreeModel) {
  const me = useMe();
  const queries = useQueryClient();
  const [renewed, setRenewed] = useState(0);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const runId = writable && "run_id" in place && me.may("write") ? place.run_id : null;
  const uploading = useUploads(runId, (stored) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => model.refresh(), STORED_MS);
    const about = queries.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[0] === "files" && queryKey.includes(stored),
    });
    if (stored === path) void about.then(() => setRenewed((before) => before + 1));
  });
  return { uploading, renewed };
}

export function Files(props: FilesProps) {
  const { place, path, line, onPath } = props;
  const key = placeKey(place);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all that a place does
  const model = useMemo(() => new TreeModel(place, keptOrder()), [key]);
  const state = useSyncExternalStore(model.watch, model.get);
  const [folder, setFolder] = useState("");
  const [typed, setTyped] = useState("");
  const [shown, setShown] = useState(false);
  const { uploading, renewed } = useArriving(props, model);
  useLastPath(props);
  useEffect(() => {
    model.begin();
    return () => model.stop();
  }, [model]);
  useEffect(() => {
    if (path) model.reveal(path);
  }, [model, path]);
  useEffect(() => {
    const timer = window.setTimeout(() => model.find(typed.trim()), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [model, typed]);

  const first = state.rows[0];
  if (first?.kind === "error" && first.folder === "") {
    return <ErrorNotice error={first.error} retry={() => model.retry("")} />;
  }
  if (!state.search && first?.kind === "empty" && first.folder === "" && !path) {
    return (
      <DropZone uploading={uploading} folder="">
        <Notice title={messages.empty}>
          <p>{messages.emptyHint}</p>
          {uploading && <p>{messages.uploads.hint}</p>}
          <Button onClick={() => model.refresh()}>{messages.refresh}</Button>
          <UploadButton uploading={uploading} folder="" />
        </Notice>
        <UploadList uploading={uploading} />
      </DropZone>
    );
  }
  const zip = folder || "";
  return (
    <DropZone
      uploading={uploading}
      folder={folder}
      className={styles.files}
      data-open={path !== undefined || undefined}
    >
      <nav className={styles.side} aria-label={messages.tree} data-shown={shown || undefined}>
        <div className={styles.toolbar}>
          <TextField
            label={messages.search}
            hideLabel
            type="search"
            placeholder={messages.searchHint}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <IconButton label={messages.refresh} onClick={() => model.refresh()}>
            <RefreshCw size={15} />
          </IconButton>
          <UploadButton uploading={uploading} folder={folder} />
          <CopyMenu place={place} path={folder} />
          <a
            className={styles.action}
            href={zipUrl(place, zip)}
            download
            aria-label={zip ? `${messages.downloadZip}: ${zip}` : messages.downloadAll}
            title={zip ? `${messages.downloadZip}: ${zip}` : messages.downloadAll}
          >
            <Download size={15} />
          </a>
        </div>
        {state.search && (
          <p className={styles.quiet} role="status">
            {state.found !== null && messages.found(state.found)}
            {state.truncated && ` · ${messages.searchTruncated}`}
          </p>
        )}
        <UploadList uploading={uploading} />
        <SortHeads
          order={state.order}
          onOrder={(order) => {
            keep(ORDER, order);
            model.sort(order);
          }}
        />
        <Tree
          model={model}
          state={state}
          selected={path ?? folder}
          onSelect={(to, isFolder) => {
            setFolder(isFolder ? to : to.split("/").slice(0, -1).join("/"));
            if (!isFolder) onPath(to);
          }}
        />
      </nav>
      <div className={styles.main}>
        {path !== undefined && (
          <Button
            kind="quiet"
            className={styles.reveal}
            aria-expanded={shown}
            onClick={() => setShown(!shown)}
          >
            <FolderTree size={15} /> {messages.showTree}
          </Button>
        )}
        {path === undefined ? (
          <p className={styles.quiet}>{messages.choose}</p>
        ) : (
          <Preview
            key={`${path.replace(/\+step\+.*/, "")}\n${renewed}`}
            place={place}
            path={path}
            line={line}
            onPath={onPath}
          />
        )}
      </div>
    </DropZone>
  );
}
