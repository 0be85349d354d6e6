import { describe, expect, it } from "vitest";
import { signatureChanges, signatureOf } from "./signature";

const columns = (...fields: object[]) => JSON.stringify(fields);
const of = (inputs: string, outputs = "", params = "") =>
  signatureOf({ "signature.inputs": inputs, "signature.outputs": outputs, "signature.params": params });

describe("a signature", () => {
  it("is read with columns, tensors and params", () => {
    const found = of(
      columns(
        { type: "double", name: "age", required: true },
        { type: "string", name: "job", required: false },
      ),
      columns({ type: "tensor", "tensor-spec": { dtype: "int64", shape: [-1, 3] } }),
      columns({ name: "t", type: "float", default: 0.5, shape: null }),
    );
    expect(found?.inputs?.map((field) => [field.name, field.required])).toEqual([
      ["age", true],
      ["job", false],
    ]);
    expect(found?.outputs?.[0]).toMatchObject({ name: "#0", type: "int64 [any × 3]" });
    expect(found?.params?.[0]).toMatchObject({ name: "t", default: "0.5" });
  });

  it("is none where the text is no JSON list", () => {
    expect(of("{}")).toBeNull();
    expect(of("[not json")).toBeNull();
    expect(signatureOf(undefined)).toBeNull();
  });

  it("spells nested types out, but not without end", () => {
    let deep: object = { type: "long" };
    for (let i = 0; i < 50; i++) deep = { type: "array", items: deep };
    expect(of(columns({ ...deep, name: "x" }))?.inputs?.[0]?.type).toMatch(/^list of .*…$/);
  });
});

describe("changes", () => {
  const old = of(
    columns(
      { type: "double", name: "age", required: true },
      { type: "string", name: "job", required: false },
    ),
    columns({ type: "long", name: "y", required: true }),
  );
  const breaking = (now: ReturnType<typeof of>) =>
    Object.fromEntries(signatureChanges(old, now).map((one) => [one.name, one.breaking]));

  it("that break callers are a needed input, another type, a lost output", () => {
    const now = of(
      columns(
        { type: "long", name: "age", required: true },
        { type: "string", name: "job", required: true },
        { type: "double", name: "new", required: true },
      ),
      columns({ type: "long", name: "z", required: true }),
    );
    expect(breaking(now)).toEqual({ age: true, job: true, new: true, y: true, z: false });
  });

  it("that don't are an optional input more, and none", () => {
    const now = of(
      columns(
        { type: "double", name: "age", required: false },
        { type: "string", name: "job", required: false },
        { type: "double", name: "extra", required: false },
      ),
      columns({ type: "long", name: "y", required: true }),
    );
    expect(breaking(now)).toEqual({ age: false, extra: false });
    expect(signatureChanges(old, old)).toEqual([]);
  });

  it("that widen an input are harmless, and that widen an output are not", () => {
    const narrow = of(columns({ type: "integer", name: "n" }), columns({ type: "integer", name: "y" }));
    const wide = of(columns({ type: "long", name: "n" }), columns({ type: "long", name: "y" }));
    expect(signatureChanges(narrow, wide).map((one) => one.breaking)).toEqual([false, true]);
  });
});
