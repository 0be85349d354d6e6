/** Reads shapes beside the page: a million points take a second. */
import { readNpy, readObj, readXyz } from "./lists";
import { readPly } from "./ply";
import { Refusal, type Shape } from "./shape";

export interface ShapeRequest {
  bytes: ArrayBuffer;
  name: string;
  isCut: boolean;
}

export type ShapeAnswer = { shape: Shape } | { refusal: string | null };

function read({ bytes, name, isCut }: ShapeRequest): Shape {
  const content = new Uint8Array(bytes);
  if (/\.ply$/i.test(name)) return readPly(content, isCut);
  if (/\.obj$/i.test(name)) return readObj(content);
  if (/\.npy$/i.test(name)) return readNpy(content, isCut);
  return readXyz(content);
}

self.addEventListener("message", (event: MessageEvent<ShapeRequest>) => {
  let answer: ShapeAnswer;
  try {
    answer = { shape: read(event.data) };
  } catch (error) {
    answer = { refusal: error instanceof Refusal ? error.message : null };
  }
  self.postMessage(answer);
});
