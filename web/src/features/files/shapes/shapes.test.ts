import { describe, expect, it } from "vitest";
import { draw, modelOf, START } from "./draw";
import { readNpy, readObj, readXyz } from "./lists";
import { readPly } from "./ply";
import { Scanner } from "./scan";
import type { Shape } from "./shape";

const bytes = (text: string) => new TextEncoder().encode(text);
const joined = (...parts: (string | ArrayBuffer)[]) => {
  const arrays = parts.map((part) => (typeof part === "string" ? bytes(part) : new Uint8Array(part)));
  return Uint8Array.from(arrays.flatMap((one) => [...one]));
};
const HEAD = (format: string, vertices: number | string, faces = 0) =>
  `ply\nformat ${format} 1.0\ncomment x\nelement vertex ${vertices}\nproperty float x\nproperty float y\n` +
  `property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nelement face ${faces}\n` +
  "property list uchar int vertex_indices\nend_header\n";
const npy = (descr: string, shape: string, data: ArrayBuffer) => {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
  const head = new Uint8Array([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0]);
  return joined(head.buffer, text, data);
};

describe("numbers in text", () => {
  it("are read as they are meant", () => {
    const scanner = new Scanner(bytes("1 -2.5,3e2;+.5 1e-3 12345678901234567890 x nan 0x1 7"));
    const read: number[] = [];
    while (scanner.more()) read.push(scanner.number());
    expect(read.slice(0, 5)).toEqual([1, -2.5, 300, 0.5, 0.001]);
    expect(read[5]).toBeCloseTo(1.2345678901234567e19, -4);
    expect(read.slice(6)).toEqual([Number.NaN, Number.NaN, Number.NaN, 7]);
  });
});

describe("PLY", () => {
  const rows = "0 0 0 255 0 0\n1 0 0 0 255 0\n0 1 0 0 0 255\n1 1 0 9 9 9\n4 0 1 3 2\n";
  it("is read as text", () => {
    const shape = readPly(bytes(HEAD("ascii", 4, 1) + rows), false);
    expect([...shape.points].slice(0, 6)).toEqual([0, 0, 0, 1, 0, 0]);
    expect([...(shape.colours ?? [])].slice(0, 3)).toEqual([255, 0, 0]);
    expect([...shape.triangles]).toEqual([0, 1, 3, 0, 3, 2]);
    expect([shape.totalPoints, shape.totalTriangles]).toEqual([4, 2]);
  });
  it("is read as bytes, in either order", () => {
    for (const little of [true, false]) {
      const view = new DataView(new ArrayBuffer(2 * 15 + 5 * 4 - 7));
      for (const [i, x] of [1, 2].entries()) {
        view.setFloat32(15 * i, x, little);
        view.setUint8(15 * i + 12, 7);
      }
      view.setUint8(30, 3);
      view.setInt32(31, 0, little);
      view.setInt32(35, 1, little);
      view.setInt32(39, 1, little);
      const format = little ? "binary_little_endian" : "binary_big_endian";
      const shape = readPly(joined(HEAD(format, 2, 1), view.buffer), false);
      expect([...shape.points]).toEqual([1, 0, 0, 2, 0, 0]);
      expect([...shape.triangles]).toEqual([0, 1, 1]);
    }
  });
  it("that lies is refused in a sentence, and takes no memory", () => {
    const lies: [string, RegExp][] = [
      [HEAD("ascii", 1e14) + rows, /promises/],
      [HEAD("binary_little_endian", 4_000_000_000) + rows, /promises/],
      [HEAD("ascii", "-1") + rows, /number of points/],
      [HEAD("ascii", "1e3") + rows, /number of points/],
      [HEAD("ascii", 0), /no points/],
      [`${HEAD("ascii", 1, 1)}0 0 0 0 0 0\n4000000000 0 0 0 0 0 0 0\n`, /corners/],
      [`${HEAD("ascii", 1).replace("float x", "float q")}0 0 0 0 0 0\n`, /x, y and z/],
      [HEAD("ascii", 1).replace("float x", "matrix x"), /does not know/],
      ["<img src=x onerror=alert(1)>", /not a PLY/],
      ["", /not a PLY/],
    ];
    for (const [text, why] of lies) expect(() => readPly(bytes(text), false)).toThrow(why);
  });
  it("of which there is only the beginning is drawn as far as it goes", () => {
    const shape = readPly(bytes(HEAD("ascii", 1_000) + rows), true);
    expect(shape.totalPoints).toBe(1_000);
    expect(shape.points.length).toBeLessThan(20);
  });
});

describe("lists", () => {
  it("of OBJ have points, colours and faces in all spellings", () => {
    const shape = readObj(
      bytes("# a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 1\nf 1/1/1 2//1 3\nf -3 -2 -1\nf 1 2 99\n"),
    );
    expect(shape.points.length).toBe(9);
    expect([...shape.triangles]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(shape.up).toBe("y");
    expect(() => readObj(bytes("f 1 2 3\n"))).toThrow(/no points/);
  });
  it("of XYZ are points, of molecules too", () => {
    const shape = readXyz(bytes("2\nwater\nO 0 0 0.1\nH,1,2,3\n"));
    expect([...shape.points].map((one) => Math.round(one))).toEqual([0, 0, 0, 1, 2, 3]);
    const coloured = readXyz(bytes("0 0 0 1 0 0.5\n1 1 1 0 1 0\n"));
    expect([...(coloured.colours ?? [])]).toEqual([255, 0, 128, 0, 255, 0]);
  });
  it("of NumPy are points where the shape says so", () => {
    const data = new Float32Array([0, 0, 0, 1, 2, 3]).buffer;
    expect([...readNpy(npy("<f4", "(2, 3)", data), false).points]).toEqual([0, 0, 0, 1, 2, 3]);
    expect(() => readNpy(npy("<f4", "(999999999, 3)", data), false)).toThrow(/promises/);
    expect(() => readNpy(npy("<f4", "(3, 2)", data), false)).toThrow(/N × 3/);
    expect(() => readNpy(npy("|O", "(2, 3)", data), false)).toThrow(/N × 3/);
    expect(() => readNpy(bytes("no array at all"), false)).toThrow(/N × 3/);
  });
});

describe("a picture", () => {
  const shape = (points: number[], triangles: number[] = []): Shape => ({
    points: Float32Array.from(points),
    colours: null,
    triangles: Uint32Array.from(triangles),
    totalPoints: points.length / 3,
    totalTriangles: triangles.length / 3,
    up: "z",
  });
  const covered = (pixels: Uint8ClampedArray) => pixels.filter((value, at) => at % 4 === 3 && value).length;
  const camera = { ...START, up: "z" as const };
  it("has the points, and leaves out what is no number", () => {
    const model = modelOf(shape([0, 0, 0, 1, 1, 1, Number.NaN, 0, Number.POSITIVE_INFINITY]), "z");
    expect(model.size).toEqual([1, 1, 1]);
    const picture = draw(model, camera, [80, 60], false);
    expect(covered(picture.pixels)).toBeGreaterThan(16);
    expect(covered(picture.pixels)).toBeLessThan(80);
  });
  it("of one point, and of none that is a number, is drawn too", () => {
    expect(covered(draw(modelOf(shape([5, 5, 5]), "y"), camera, [40, 40], false).pixels)).toBe(16);
    const nothing = modelOf(shape([Number.NaN, Number.NaN, Number.NaN]), "z");
    expect(covered(draw(nothing, camera, [40, 40], false).pixels)).toBe(0);
  });
  it("stops where triangles would take for ever", () => {
    const points = [-1, -1, -1, 1, -1, 1, 0, 1, 0];
    const few = draw(modelOf(shape(points, [0, 1, 2]), "z"), camera, [100, 100], false);
    expect(few.whole).toBe(true);
    expect(covered(few.pixels)).toBeGreaterThan(500);
    const many = Array.from({ length: 30_000 }, (_, i) => i % 3);
    const picture = draw(modelOf(shape(points, many), "z"), { ...camera, zoom: 10 }, [200, 200], false);
    expect(picture.whole).toBe(false);
  });
});
