/** Draws a shape into pixels with a buffer of depths: it needs no graphics card, and no time without end. */
import { rampOf, type Shape } from "./shape";

export interface Camera {
  /** Turned round the upright axis, and tilted, in radians. */
  turn: number;
  tilt: number;
  zoom: number;
  up: "y" | "z";
}

export const START = { turn: 0.6, tilt: 0.45, zoom: 1 };

/** What can be drawn again and again. */
export interface Model {
  shape: Shape;
  colours: Uint8Array;
  centre: [number, number, number];
  /** Half the length of the box around it. */
  radius: number;
  size: [number, number, number];
}

/** Pixels that triangles of one picture may touch, still or while it turns: a hostile mesh of huge ones stops here. */
const MAX_TOUCHED = [16_000_000, 4_000_000] as const;
/** Points of a picture that is drawn while it turns. */
const QUICK = 150_000;

export function modelOf(shape: Shape, up: Camera["up"]): Model {
  const { points } = shape;
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < points.length; i++) {
    const value = points[i] as number;
    if (!Number.isFinite(value)) continue;
    const axis = i % 3;
    if (value < (low[axis] as number)) low[axis] = value;
    if (value > (high[axis] as number)) high[axis] = value;
  }
  const size = [0, 1, 2].map((i) => Math.max(0, (high[i] as number) - (low[i] as number))) as Model["size"];
  const centre = [0, 1, 2].map((i) => {
    const middle = ((low[i] as number) + (high[i] as number)) / 2;
    return Number.isFinite(middle) ? middle : 0;
  }) as Model["centre"];
  const axis = up === "y" ? 1 : 2;
  return {
    shape,
    colours: shape.colours ?? rampOf(points.length / 3, (at) => points[3 * at + axis] as number),
    centre,
    radius: Math.hypot(...size) / 2 || 1,
    size,
  };
}

export interface Picture {
  width: number;
  height: number;
  pixels: Uint8ClampedArray<ArrayBuffer>;
  /** Whether all of it was drawn. */
  whole: boolean;
}

interface Projected {
  /** x, y on the picture and how near, of each point that is drawn. */
  at: Float32Array;
  step: number;
}

function project(model: Model, camera: Camera, width: number, height: number, step: number): Projected {
  const { points } = model.shape;
  const [cx, cy, cz] = model.centre;
  const [sinT, cosT] = [Math.sin(camera.turn), Math.cos(camera.turn)];
  const [sinP, cosP] = [Math.sin(camera.tilt), Math.cos(camera.tilt)];
  const scale = (0.46 * Math.min(width, height) * camera.zoom) / model.radius;
  const eye = 3.2 * model.radius;
  const count = points.length / 3;
  const at = new Float32Array(3 * Math.ceil(count / step));
  const isY = camera.up === "y";
  for (let i = 0, to = 0; i < count; i += step, to += 3) {
    const x = (points[3 * i] as number) - cx;
    const second = (points[3 * i + 1] as number) - cy;
    const third = (points[3 * i + 2] as number) - cz;
    // Upright is z here; a shape whose y is upright is laid on its back.
    const y = isY ? -third : second;
    const z = isY ? second : third;
    const right = cosT * x - sinT * y;
    const away = sinT * x + cosT * y;
    const upward = sinP * away + cosP * z;
    const near = sinP * z - cosP * away;
    const nearer = eye / Math.max(0.1 * model.radius, eye - near);
    at[to] = width / 2 + right * scale * nearer;
    at[to + 1] = height / 2 - upward * scale * nearer;
    at[to + 2] = near;
  }
  return { at, step };
}

/** Draw the shape; `quick`: not all of its points, for a picture that moves. */
export function draw(model: Model, camera: Camera, size: [number, number], quick: boolean): Picture {
  const [width, height] = size;
  const pixels = new Uint8ClampedArray(4 * width * height);
  const depths = new Float32Array(width * height).fill(Number.NEGATIVE_INFINITY);
  const target = { width, height, pixels, depths };
  const count = model.shape.points.length / 3;
  const { triangles } = model.shape;
  if (triangles.length && !(quick && triangles.length / 3 > QUICK)) {
    const projected = project(model, camera, width, height, 1);
    return {
      width,
      height,
      pixels,
      whole: drawTriangles(model, projected.at, target, MAX_TOUCHED[quick ? 1 : 0]),
    };
  }
  const step = quick ? Math.max(1, Math.ceil(count / QUICK)) : 1;
  drawPoints(model, project(model, camera, width, height, step), target, count);
  return { width, height, pixels, whole: true };
}

interface Target {
  width: number;
  height: number;
  pixels: Uint8ClampedArray<ArrayBuffer>;
  depths: Float32Array;
}

function drawPoints({ colours }: Model, { at, step }: Projected, target: Target, count: number): void {
  const { width, height, pixels, depths } = target;
  const drawn = at.length / 3;
  // Few points are drawn large enough to be seen.
  const side = count < 5_000 ? 4 : count < 50_000 ? 3 : 2;
  for (let i = 0; i < drawn; i++) {
    const near = at[3 * i + 2] as number;
    const left = Math.round((at[3 * i] as number) - side / 2);
    const top = Math.round((at[3 * i + 1] as number) - side / 2);
    // Also where it is no number.
    if (!(left > -side && left < width && top > -side && top < height)) continue;
    const from = 3 * i * step;
    for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, left + side); x++) {
        const place = y * width + x;
        if ((depths[place] as number) >= near) continue;
        depths[place] = near;
        pixels[4 * place] = colours[from] as number;
        pixels[4 * place + 1] = colours[from + 1] as number;
        pixels[4 * place + 2] = colours[from + 2] as number;
        pixels[4 * place + 3] = 255;
      }
    }
  }
}

/** Each triangle in one shade, by how it stands to the light; whether there was time for all. */
function drawTriangles(model: Model, at: Float32Array, target: Target, most: number): boolean {
  const { width, height, pixels, depths } = target;
  const { triangles } = model.shape;
  let touched = 0;
  for (let t = 0; t + 2 < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t] as number, triangles[t + 1] as number, triangles[t + 2] as number];
    const [ax, ay, az] = [at[3 * a] as number, at[3 * a + 1] as number, at[3 * a + 2] as number];
    const [bx, by, bz] = [at[3 * b] as number, at[3 * b + 1] as number, at[3 * b + 2] as number];
    const [cx, cy, cz] = [at[3 * c] as number, at[3 * c + 1] as number, at[3 * c + 2] as number];
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (!Number.isFinite(area) || area === 0) continue;
    const left = Math.max(0, Math.floor(Math.min(ax, bx, cx)));
    const right = Math.min(width - 1, Math.ceil(Math.max(ax, bx, cx)));
    const top = Math.max(0, Math.floor(Math.min(ay, by, cy)));
    const bottom = Math.min(height - 1, Math.ceil(Math.max(ay, by, cy)));
    if (left > right || top > bottom) continue;
    touched += (right - left + 1) * (bottom - top + 1);
    if (touched > most) return false;
    const light = shadeOf(model, a, b, c);
    const [red, green, blue] = [0, 1, 2].map(
      (i) =>
        (light *
          ((model.colours[3 * a + i] as number) +
            (model.colours[3 * b + i] as number) +
            (model.colours[3 * c + i] as number))) /
        3,
    ) as [number, number, number];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const v = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area;
        const w = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area;
        if (v < 0 || w < 0 || v + w > 1) continue;
        const near = az + v * (bz - az) + w * (cz - az);
        const place = y * width + x;
        if ((depths[place] as number) >= near) continue;
        depths[place] = near;
        pixels[4 * place] = red;
        pixels[4 * place + 1] = green;
        pixels[4 * place + 2] = blue;
        pixels[4 * place + 3] = 255;
      }
    }
  }
  return true;
}

const LIGHT = [0.42, 0.5, 0.76] as const;

function shadeOf({ shape: { points } }: Model, a: number, b: number, c: number): number {
  const [ux, uy, uz] = [0, 1, 2].map(
    (i) => (points[3 * b + i] as number) - (points[3 * a + i] as number),
  ) as [number, number, number];
  const [vx, vy, vz] = [0, 1, 2].map(
    (i) => (points[3 * c + i] as number) - (points[3 * a + i] as number),
  ) as [number, number, number];
  const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  const length = Math.hypot(nx, ny, nz) || 1;
  // From both sides alike: files don't agree which one is outside.
  const facing = Math.abs(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]) / length;
  return 0.45 + 0.55 * facing;
}
