/** Shapes that are lists in text: OBJ with points and faces, XYZ with a point a line; and arrays of NumPy. */
import { messages as words } from "./messages";
import { addFan, onlyWithin } from "./ply";
import { Scanner } from "./scan";
import { colourBytes, Growing, MAX_POINTS, Refusal, rampOf, type Shape } from "./shape";

const MAX_CORNERS = 1_000;
const [V, F] = [118, 102];
const [SPACE, TAB] = [32, 9];

function shapeOf(points: Growing, colours: Growing, rest: Partial<Shape>): Shape {
  if (!points.length) throw new Refusal(words.noPoints);
  return {
    points: points.get(),
    colours: colours.length === points.length ? colourBytes(colours.get()) : null,
    triangles: new Uint32Array(0),
    totalPoints: points.length / 3,
    totalTriangles: 0,
    up: "z",
    ...rest,
  };
}

/** OBJ: `v x y z [r g b]` and `f a/…/… b c`, counted from 1, or backwards from the last. */
export function readObj(bytes: Uint8Array): Shape {
  const scanner = new Scanner(bytes);
  const points = new Growing();
  const colours = new Growing();
  const triangles: number[] = [];
  let [totalPoints, totalTriangles] = [0, 0];
  for (; !scanner.done; scanner.line()) {
    if (!scanner.more()) continue;
    const [kind, next] = [bytes[scanner.at], bytes[scanner.at + 1]];
    if (next !== SPACE && next !== TAB) continue;
    scanner.at += 2;
    if (kind === V) {
      totalPoints += 1;
      if (points.length >= 3 * MAX_POINTS) continue;
      const numbers = numbersOf(scanner, 6);
      const [x, y, z, red, green, blue] = numbers as [number, number, number, number, number, number];
      points.push(x, y ?? Number.NaN, z ?? Number.NaN);
      if (numbers.length === 6) colours.push(red, green, blue);
    } else if (kind === F) {
      const corners: number[] = [];
      while (scanner.more() && corners.length < MAX_CORNERS) {
        const at = Number.parseInt(scanner.word(), 10);
        corners.push(at < 0 ? totalPoints + at : at - 1);
      }
      totalTriangles += addFan(corners, triangles);
    }
  }
  const kept = Uint32Array.from(onlyWithin(triangles, points.length / 3));
  return shapeOf(points, colours, { triangles: kept, totalPoints, totalTriangles, up: "y" });
}

function numbersOf(scanner: Scanner, most: number): number[] {
  const numbers: number[] = [];
  while (numbers.length < most && scanner.more()) numbers.push(scanner.number());
  return numbers;
}

/** XYZ: `x y z [r g b]` a line, behind the name of an atom too; other lines are left out. */
export function readXyz(bytes: Uint8Array): Shape {
  const scanner = new Scanner(bytes);
  const points = new Growing();
  const colours = new Growing();
  let totalPoints = 0;
  for (; !scanner.done; scanner.line()) {
    const numbers = numbersOf(scanner, 7);
    if (Number.isNaN(numbers[0])) numbers.shift();
    const [x, y, z, red, green, blue] = numbers as [number, number, number, number, number, number];
    if (numbers.length < 3 || Number.isNaN(x) || Number.isNaN(y) || Number.isNaN(z)) continue;
    totalPoints += 1;
    if (points.length >= 3 * MAX_POINTS) continue;
    points.push(x, y, z);
    if (numbers.length >= 6) colours.push(red, green, blue);
  }
  return shapeOf(points, colours, { totalPoints });
}

const KINDS: Record<string, [number, (view: DataView, at: number, little: boolean) => number]> = {
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
  i1: [1, (view, at) => view.getInt8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
};

/** An array of N×3 to N×6: coordinates, then a value or a colour. */
export function readNpy(bytes: Uint8Array, isCut: boolean): Shape {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isNpy = bytes.length > 12 && view.getUint32(0) === 0x93_4e_55_4d;
  const isOld = bytes[6] === 1;
  const head = isOld ? 10 : 12;
  const length = isNpy ? (isOld ? view.getUint16(8, true) : view.getUint32(8, true)) : 0;
  const text = new TextDecoder("latin1").decode(bytes.subarray(head, head + Math.min(length, 4_096)));
  const kind = /'descr':\s*'([<>|=])([fiu][1248])'/.exec(text);
  const shape = /'shape':\s*\((\d{1,15}),\s*(\d{1,3})\)/.exec(text);
  const reading = KINDS[kind?.[2] ?? ""];
  const [rows, columns] = [Number(shape?.[1]), Number(shape?.[2])];
  if (!isNpy || !reading || !(columns >= 3 && columns <= 6)) throw new Refusal(words.notPoints);
  const [size, read] = reading;
  const little = kind?.[1] !== ">";
  const isByColumn = /'fortran_order':\s*True/.test(text);
  const start = head + length;
  const there = Math.max(0, Math.floor((bytes.length - start) / (size * columns)));
  if (rows > there && !isCut) throw new Refusal(words.lyingCount(words.row, rows, there));
  // Column by column, the beginning of a file has the x of all points and nothing else.
  if (isByColumn && isCut) throw new Refusal(words.columnsCut);
  const count = Math.min(rows, there, MAX_POINTS);
  const cell = (row: number, column: number) =>
    read(view, start + size * (isByColumn ? column * rows + row : row * columns + column), little);
  const points = new Growing();
  const colours = new Growing();
  for (let i = 0; i < count; i++) {
    points.push(cell(i, 0), cell(i, 1), cell(i, 2));
    if (columns === 6) colours.push(cell(i, 3), cell(i, 4), cell(i, 5));
  }
  const made = shapeOf(points, colours, { totalPoints: rows });
  return columns === 4 ? { ...made, colours: rampOf(count, (at) => cell(at, 3)) } : made;
}
