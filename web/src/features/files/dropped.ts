/** What was dropped or picked, as files with paths: folders are gone through. */
import { MAX_FILES, type Picked } from "./uploads";

const under = (folder: string, path: string) => (folder ? `${folder}/${path}` : path);

/** Files that a person picked, to lie in a folder. */
export function pickedFiles(files: Iterable<File>, folder: string): Picked[] {
  return [...files].map((file) => ({ path: under(folder, file.name), file }));
}

/** Whether what is dragged holds files, and not a piece of text or a link. */
export function holdsFiles(data: DataTransfer | null): boolean {
  return data?.types.includes("Files") ?? false;
}

/** Files and folders that were dropped; one more than the limit tells that there are too many. */
export async function droppedFiles(data: DataTransfer, folder: string): Promise<Picked[]> {
  // All of it has to be asked for before the event is over.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!entries.length) return pickedFiles(data.files, folder);
  const picked: Picked[] = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry && picked.length <= MAX_FILES; entry = waiting.shift()) {
    if (entry.isFile) {
      const path = under(folder, entry.fullPath.replace(/^\/+/, ""));
      picked.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
    } else if (entry.isDirectory) {
      waiting.push(...(await entriesOf(entry as FileSystemDirectoryEntry)));
    }
  }
  return picked;
}

const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => entry.file(resolve, reject));

/** A folder is read in pieces; an empty one is the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  while (found.length <= MAX_FILES) {
    const piece = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (!piece.length) break;
    found.push(...piece);
  }
  return found;
}
