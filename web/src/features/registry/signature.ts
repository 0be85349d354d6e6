/** A model's signature as MLflow's JSON tells it, and what changes between two of them break callers. */

export interface Field {
  name: string;
  type: string;
  /** Only of columns and properties; tensors and params are always there or have a default. */
  required: boolean;
  default?: string;
}
export interface Signature {
  inputs: Field[] | null;
  outputs: Field[] | null;
  params: Field[] | null;
}
export type Part = keyof Signature;
export const PARTS: Part[] = ["inputs", "outputs", "params"];

export interface FieldChange {
  part: Part;
  name: string;
  before: Field | null;
  after: Field | null;
  /** Callers of the old model may fail with the new one. */
  breaking: boolean;
}

/** Nesting that is spelled out; a hostile signature may have more. */
const DEEPEST = 8;

interface Spec {
  name?: unknown;
  type?: unknown;
  required?: unknown;
  optional?: unknown;
  "tensor-spec"?: { dtype?: unknown; shape?: unknown };
  items?: unknown;
  values?: unknown;
  properties?: unknown;
  shape?: unknown;
  dtype?: unknown;
  default?: unknown;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function typeText(spec: Spec, depth = 0): string {
  if (depth > DEEPEST) return "…";
  const tensor = spec["tensor-spec"];
  if (spec.type === "tensor" && isRecord(tensor)) {
    const shape = Array.isArray(tensor.shape)
      ? tensor.shape.map((length) => (length === -1 ? "any" : String(length))).join(" × ")
      : "";
    return `${String(tensor.dtype)} [${shape}]`;
  }
  if (spec.type === "array" && isRecord(spec.items)) return `list of ${typeText(spec.items, depth + 1)}`;
  if (spec.type === "map" && isRecord(spec.values)) return `map of ${typeText(spec.values, depth + 1)}`;
  if (spec.type === "object" && isRecord(spec.properties)) {
    const fields = Object.entries(spec.properties).map(
      ([name, one]) =>
        `${name}${isRecord(one) && one.required === false ? "?" : ""}: ${isRecord(one) ? typeText(one, depth + 1) : "?"}`,
    );
    return `{${fields.join(", ")}}`;
  }
  const kind = String(spec.type ?? spec.dtype ?? "?");
  return Array.isArray(spec.shape) ? `list of ${kind}` : kind;
}

function fieldsOf(text: string | undefined): Field[] | null {
  if (!text) return null;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(list)) return null;
  return list.filter(isRecord).map((spec: Spec, place) => ({
    name: spec.name === undefined || spec.name === null ? `#${place}` : String(spec.name),
    type: typeText(spec),
    required: spec.required !== false && spec.optional !== true,
    ...("default" in spec ? { default: JSON.stringify(spec.default) } : {}),
  }));
}

/** The signature in the facts of an `MLmodel` file; null where it has none. */
export function signatureOf(facts: Record<string, string> | undefined): Signature | null {
  if (!facts) return null;
  const found: Signature = {
    inputs: fieldsOf(facts["signature.inputs"]),
    outputs: fieldsOf(facts["signature.outputs"]),
    params: fieldsOf(facts["signature.params"]),
  };
  return PARTS.some((part) => found[part]) ? found : null;
}

/** Types that take every value of another: what was sent before still fits. */
const WIDER: Record<string, string[]> = { integer: ["long", "double"], float: ["double"] };

function breaks(part: Part, before: Field | null, after: Field | null): boolean {
  // A new input that must be given, a lost output, another type anywhere: old callers fail.
  if (!before) return part === "inputs" && Boolean(after?.required);
  if (!after) return part !== "inputs" || before.required;
  const fits = before.type === after.type || (part === "inputs" && WIDER[before.type]?.includes(after.type));
  if (!fits) return true;
  return part === "inputs" ? !before.required && after.required : before.required && !after.required;
}

/** What differs from one signature to another, in the order of the parts. */
export function signatureChanges(before: Signature | null, after: Signature | null): FieldChange[] {
  return PARTS.flatMap((part) => {
    const old = new Map((before?.[part] ?? []).map((field) => [field.name, field]));
    const now = new Map((after?.[part] ?? []).map((field) => [field.name, field]));
    return [...new Set([...old.keys(), ...now.keys()])].flatMap((name): FieldChange[] => {
      const one = old.get(name) ?? null;
      const other = now.get(name) ?? null;
      if (JSON.stringify(one) === JSON.stringify(other)) return [];
      return [{ part, name, before: one, after: other, breaking: breaks(part, one, other) }];
    });
  });
}
