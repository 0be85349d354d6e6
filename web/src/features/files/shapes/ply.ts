/** PLY: a header that says what follows, then numbers as text or as bytes. The header may lie. */
import { messages as words } from "./messages";
import { Scanner } from "./scan";
import { colourBytes, Growing, MAX_POINTS, MAX_TRIANGLES, Refusal, type Shape } from "./shape";

const MAX_HEADER = 1 << 16;
const MAX_CORNERS = 1_000;

type Type = "i1" | "u1" | "i2" | "u2" | "i4" | "u4" | "f4" | "f8";

const TYPES: Record<string, Type> = {
  char: "i1",
  int8: "i1",
  uchar: "u1",
  uint8: "u1",
  short: "i2",
  int16: "i2",
  ushort: "u2",
  uint16: "u2",
  int: "i4",
  int32: "i4",
  uint: "u4",
  uint32: "u4",
  float: "f4",
  float32: "f4",
  double: "f8",
  float64: "f8",
};

interface Property {
  name: string;
  type: Type;
  /** Type of a list's length, where it is one. */
  count: Type | null;
}

interface Element {
  name: string;
  count: number;
  properties: Property[];
}

interface Header {
  format: "text" | "little" | "big";
  elements: Element[];
  /** Where the numbers begin. */
  start: number;
}

export function readHeader(bytes: Uint8Array): Header {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HEADER));
  const end = /(^|\n)end_header\r?\n/.exec(text);
  if (!/^ply\r?\n/.test(text) || !end) throw new Refusal(words.notPly);
  const lines = text.slice(0, end.index).split(/\r?\n/).slice(1);
  let format: Header["format"] | null = null;
  const elements: Element[] = [];
  for (const line of lines) {
    const [what, one, two, three, four] = line.trim().split(/\s+/);
    if (what === "format") {
      format =
        one === "ascii"
          ? "text"
          : one === "binary_little_endian"
            ? "little"
            : one === "binary_big_endian"
              ? "big"
              : null;
    } else if (what === "element") {
      const count = Number(two);
      if (!one || !/^\d{1,15}$/.test(two ?? "")) throw new Refusal(words.badCount);
      elements.push({ name: one, count, properties: [] });
    } else if (what === "property") {
      const isList = one === "list";
      const type = TYPES[(isList ? three : one) ?? ""];
      const count = isList ? TYPES[two ?? ""] : null;
      const name = isList ? four : two;
      if (!type || count === undefined || !name) throw new Refusal(words.badHeader);
      elements.at(-1)?.properties.push({ name, type, count });
    }
  }
  if (!format) throw new Refusal(words.badHeader);
  return { format, elements, start: end.index + end[0].length };
}

/** Numbers one after the other, however they are written; `left`: bytes that are still there. */
interface Source {
  read: (type: Type) => number;
  left: () => number;
}

function textSource(bytes: Uint8Array, start: number): Source {
  const scanner = new Scanner(bytes, start);
  const read = () => {
    while (!scanner.more()) {
      if (scanner.done) return Number.NaN;
      scanner.line();
    }
    return scanner.number();
  };
  return { read, left: () => bytes.length - scanner.at };
}

function bytesSource(bytes: Uint8Array, start: number, little: boolean): Source {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = start;
  const read = (type: Type): number => {
    const size = Number(type[1]);
    const from = at;
    at += size;
    if (at > bytes.length) return Number.NaN;
    switch (type) {
      case "i1":
        return view.getInt8(from);
      case "u1":
        return view.getUint8(from);
      case "i2":
        return view.getInt16(from, little);
      case "u2":
        return view.getUint16(from, little);
      case "i4":
        return view.getInt32(from, little);
      case "u4":
        return view.getUint32(from, little);
      case "f4":
        return view.getFloat32(from, little);
      case "f8":
        return view.getFloat64(from, little);
    }
  };
  return { read, left: () => bytes.length - at };
}

/** The fewest bytes that an element takes: with this many left, no more of them can be there. */
function leastBytes(element: Element, format: Header["format"]): number {
  if (format === "text") return 2 * Math.max(1, element.properties.length);
  return element.properties.reduce((sum, { type, count }) => sum + Number((count ?? type)[1]), 0);
}

/** Read a file; `isCut`: only its beginning is there. */
export function readPly(bytes: Uint8Array, isCut: boolean): Shape {
  const { format, elements, start } = readHeader(bytes);
  const source =
    format === "text" ? textSource(bytes, start) : bytesSource(bytes, start, format === "little");
  const points = new Growing();
  const colours = new Growing();
  const triangles: number[] = [];
  let vertices = 0;
  let totalTriangles = 0;
  for (const element of elements) {
    const least = Math.max(1, leastBytes(element, format));
    // The last number of a text needs no gap behind it.
    const most = Math.floor((source.left() + 1) / least);
    if (element.count > most && !isCut)
      throw new Refusal(words.lyingCount(element.name, element.count, most));
    const isVertex = element.name === "vertex";
    const isFace = element.name === "face";
    if (isVertex) vertices = element.count;
    const names = element.properties.map((property) => property.name);
    const xyz = ["x", "y", "z"].map((name) => names.indexOf(name));
    const rgb = ["red", "green", "blue"].map((name) => names.indexOf(name));
    if (isVertex && xyz.includes(-1)) throw new Refusal(words.noCoordinates);
    const corners = element.properties.findIndex(
      ({ name, count }) => count !== null && /^vertex_ind(ex|ices)$/.test(name),
    );
    const row: number[] = [];
    for (let i = 0; i < element.count && source.left() > 0; i++) {
      element.properties.forEach((property, at) => {
        if (property.count === null) row[at] = source.read(property.type);
        else if (isFace && at === corners) totalTriangles += readFace(source, property, triangles);
        else skipList(source, property);
      });
      if (!isVertex || points.length >= 3 * MAX_POINTS) continue;
      const [x, y, z] = xyz.map((at) => row[at]) as [number, number, number];
      points.push(x, y, z);
      const [red, green, blue] = rgb.map((at) => row[at]) as [number, number, number];
      if (red !== undefined && green !== undefined && blue !== undefined) colours.push(red, green, blue);
    }
  }
  if (!points.length) throw new Refusal(words.noPoints);
  const count = points.length / 3;
  return {
    points: points.get(),
    colours: colours.length === points.length ? colourBytes(colours.get()) : null,
    triangles: Uint32Array.from(onlyWithin(triangles, count)),
    totalPoints: vertices,
    totalTriangles,
    up: "z",
  };
}

function listLength(source: Source, { type, count }: Property): number {
  const length = source.read(count as Type);
  const possible = source.left() + 1;
  const least = Number(type[1]);
  if (!(length >= 0) || !Number.isInteger(length) || length > possible) {
    if (source.left() <= least) return 0;
    throw new Refusal(words.badList);
  }
  return length;
}

function skipList(source: Source, property: Property): void {
  const length = listLength(source, property);
  for (let i = 0; i < length && source.left() > 0; i++) source.read(property.type);
}

/** A face as a fan of triangles; how many those are. */
function readFace(source: Source, property: Property, triangles: number[]): number {
  const length = listLength(source, property);
  if (length > MAX_CORNERS) throw new Refusal(words.badList);
  const corners: number[] = [];
  for (let i = 0; i < length; i++) corners.push(source.read(property.type));
  return addFan(corners, triangles);
}

/** Add a face of any number of corners. */
export function addFan(corners: readonly number[], triangles: number[]): number {
  const count = Math.max(0, corners.length - 2);
  for (let i = 0; i < count && triangles.length < 3 * MAX_TRIANGLES; i++)
    triangles.push(corners[0] as number, corners[i + 1] as number, corners[i + 2] as number);
  return count;
}

/** The triangles all of whose points there are. */
export function onlyWithin(triangles: readonly number[], count: number): number[] {
  const kept: number[] = [];
  const isThere = (at: number | undefined) =>
    at !== undefined && at >= 0 && at < count && Number.isInteger(at);
  for (let i = 0; i + 2 < triangles.length; i += 3) {
    const three = [triangles[i], triangles[i + 1], triangles[i + 2]];
    if (three.every(isThere)) kept.push(...(three as number[]));
  }
  return kept;
}
