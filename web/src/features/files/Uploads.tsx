/** Files that are dropped or picked, and how far each is on its way into the run. */
import { Check, RotateCw, Upload as UploadIcon, X } from "lucide-react";
import {
  type ComponentProps,
  type DragEvent,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { Button, IconButton, join } from "@/ui/Button";
import { formatBytes } from "@/ui/format";
import { toast, toastError } from "@/ui/Toasts";
import { droppedFiles, holdsFiles, pickedFiles } from "./dropped";
import { messages } from "./messages";
import { visible } from "./spans";
import { MAX_FILES, type Picked, type Upload, type UploadModel, uploadsOf } from "./uploads";
import styles from "./uploads.module.css";

const MAX_SHOWN = 200;
const words = messages.uploads;
const fraction = (sent: number, size: number) => Math.min(100, Math.round((100 * sent) / Math.max(1, size)));

export interface Uploading {
  model: UploadModel;
  uploads: Upload[];
  add: (picked: Picked[]) => void;
}

const NONE: Upload[] = [];
const none = () => NONE;
const watchNone = () => () => undefined;

/** The uploads into a run, or null where none are taken; `onStored` hears of each that has arrived. */
export function useUploads(runId: string | null, onStored: (path: string) => void): Uploading | null {
  const model = useMemo(() => (runId === null ? null : uploadsOf(runId)), [runId]);
  const uploads = useSyncExternalStore(model?.watch ?? watchNone, model?.get ?? none);
  const heard = useRef(onStored);
  heard.current = onStored;
  const told = useRef(new Set(uploads.filter((one) => one.state.kind === "done").map((one) => one.id)));
  const busy = uploads.some((one) => one.state.kind === "sending" || one.state.kind === "waiting");
  useEffect(() => {
    for (const { id, path, state } of uploads) {
      if (state.kind !== "done" || told.current.has(id)) continue;
      told.current.add(id);
      heard.current(path);
    }
  }, [uploads]);
  useEffect(() => {
    if (!busy) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [busy]);
  if (!model) return null;
  const add = (picked: Picked[]) => {
    if (picked.length > MAX_FILES) toast({ text: words.tooMany(MAX_FILES), tone: "bad" });
    else if (picked.length) void model.add(picked);
  };
  return { model, uploads, add };
}

export function UploadButton({ uploading, folder }: { uploading: Uploading | null; folder: string }) {
  const input = useRef<HTMLInputElement>(null);
  if (!uploading) return null;
  const label = words.into(visible(folder).slice(0, 200));
  return (
    <>
      <IconButton label={label} onClick={() => input.current?.click()}>
        <UploadIcon size={15} />
      </IconButton>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={label}
        onChange={(event) => {
          uploading.add(pickedFiles(event.target.files ?? [], folder));
          // The same file may be picked again.
          event.target.value = "";
        }}
      />
    </>
  );
}

/** Takes files that are dropped onto it: into the folder under the pointer, else into the chosen one. */
export function DropZone({
  uploading,
  folder,
  children,
  ...rest
}: ComponentProps<"div"> & { uploading: Uploading | null; folder: string }) {
  const [over, setOver] = useState<string | null>(null);
  if (!uploading) return <div {...rest}>{children}</div>;
  const folderAt = (event: DragEvent) => {
    const row = (event.target as Element).closest?.("[data-folder]");
    return row?.getAttribute("data-folder") ?? folder;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shorter way to what the button does
    <div
      {...rest}
      className={join(styles.zone, rest.className)}
      onDragOver={(event) => {
        if (!holdsFiles(event.dataTransfer)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        setOver(folderAt(event));
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(null);
      }}
      onDrop={(event) => {
        setOver(null);
        if (!holdsFiles(event.dataTransfer)) return;
        event.preventDefault();
        droppedFiles(event.dataTransfer, folderAt(event)).then(uploading.add, toastError);
      }}
    >
      {children}
      {over !== null && (
        <div className={styles.drop} role="status">
          {words.drop(visible(over).slice(0, 200))}
        </div>
      )}
    </div>
  );
}

export function UploadList({ uploading }: { uploading: Uploading | null }) {
  if (!uploading?.uploads.length) return null;
  const { model, uploads } = uploading;
  const asking = uploads.filter((one) => one.state.kind === "asking" && !one.state.isFolder);
  const done = uploads.filter((one) => one.state.kind === "done").length;
  return (
    <section className={styles.list} aria-label={words.title}>
      <div className={styles.top}>
        <span role="status">{words.progress(done, uploads.length)}</span>
        {asking.length > 1 && (
          <Button kind="quiet" onClick={() => model.replace(asking.map((one) => one.id))}>
            {words.replaceAll(asking.length)}
          </Button>
        )}
        <IconButton label={words.clear} onClick={() => model.clear()}>
          <X size={14} />
        </IconButton>
      </div>
      <ul>
        {uploads.slice(0, MAX_SHOWN).map((one) => (
          <UploadRow key={one.id} upload={one} model={model} />
        ))}
      </ul>
      {uploads.length > MAX_SHOWN && <p>{words.more(uploads.length - MAX_SHOWN)}</p>}
    </section>
  );
}

function UploadRow({ upload, model }: { upload: Upload; model: UploadModel }) {
  const { id, path, file, state } = upload;
  const name = visible(path).slice(0, 300);
  const sent = state.kind === "sending" ? fraction(state.sent, file.size) : 0;
  return (
    <li data-state={state.kind}>
      <span className={styles.name} title={visible(path).slice(0, 1_000)}>
        <bdi>{name}</bdi>
      </span>
      <span className={styles.size}>{formatBytes(file.size)}</span>
      {state.kind === "done" ? (
        <span className={styles.done} role="img" aria-label={words.done}>
          <Check size={14} />
        </span>
      ) : (
        <IconButton
          label={state.kind === "sending" || state.kind === "waiting" ? words.stop(name) : words.leave(name)}
          onClick={() => model.drop(id)}
        >
          <X size={14} />
        </IconButton>
      )}
      {state.kind === "sending" && <progress aria-label={name} max={100} value={sent} />}
      {state.kind === "asking" && (
        <span className={styles.says}>
          {state.isFolder ? words.isFolder : words.isThere}
          {!state.isFolder && (
            <Button aria-label={words.replaceOne(name)} onClick={() => model.replace([id])}>
              {words.replace}
            </Button>
          )}
        </span>
      )}
      {state.kind === "failed" && (
        <span className={styles.says} data-tone="bad" role="alert">
          <span>{visible(state.why).slice(0, 500)}</span>
          <IconButton label={words.again(name)} onClick={() => model.retry(id)}>
            <RotateCw size={14} />
          </IconButton>
        </span>
      )}
    </li>
  );
}
