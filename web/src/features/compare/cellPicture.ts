/** Cells of tables that are pictures: what may be loaded for them, and nothing else. Pure. */
import { IMAGE_FILE } from "./files";

export type CellPicture = { path: string } | { data: string };

/** Raster pictures only: in an SVG there could be anything. */
const DATA = /^data:image\/(png|jpeg|gif|webp|avif|bmp);base64,[A-Za-z0-9+/]+={0,2}$/;

/** Whether a text can be the path of a picture below a run, and no address or way out. */
const isOwnPath = (text: unknown): text is string =>
  typeof text === "string" && IMAGE_FILE.test(text) && !/^\/|[\\:]|(^|\/)\.\.?(\/|$)/.test(text);

/**
 * The picture of a cell: one that `log_table` wrote beside the table, a picture in the cell itself, or the path of a file
 * that the run has. What else a cell names, an address above all, is never asked for.
 */
export function pictureOf(cell: unknown, paths: ReadonlySet<string>, table: string): CellPicture | null {
  if (typeof cell === "string") {
    if (DATA.test(cell)) return { data: cell };
    if (!IMAGE_FILE.test(cell)) return null;
    const beside = table.slice(0, table.lastIndexOf("/") + 1) + cell;
    const path = [cell, beside].find((one) => paths.has(one));
    return path === undefined ? null : { path };
  }
  if (typeof cell !== "object" || cell === null) return null;
  const { type, filepath, compressed_filepath } = cell as Record<string, unknown>;
  if (type !== "image") return null;
  // Not looked up: of a long table there are more pictures than are listed.
  const path = [compressed_filepath, filepath].find(isOwnPath);
  return path === undefined ? null : { path };
}
