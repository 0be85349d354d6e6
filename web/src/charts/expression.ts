/**
 * Expressions over metrics, such as `train/loss - val/loss` or `loss / base(loss)`: a small grammar of its own, read
 * into a tree and computed place by place. Nothing of it is ever run as code.
 *
 *   sum     = product { ("+" | "-") product }
 *   product = power { ("*" | "/" | "%") power }
 *   power   = sign [ "^" power ]
 *   sign    = [ "-" | "+" ] atom
 *   atom    = number | name | function "(" sum { "," sum } ")" | "(" sum ")"
 *
 * A name is a metric's key, in backticks where it has signs of its own. Without them the longest known key counts, so
 * that `train/loss` is one metric where there is one, and a division where there are two. `base(…)` is its value for
 * the baseline run.
 */

export type Node =
  | { kind: "number"; value: number }
  | { kind: "metric"; key: string; base: boolean }
  | { kind: "call"; name: string; of: Node[] };

export class ExpressionError extends Error {
  constructor(
    message: string,
    /** Where the mistake is, in characters from the start. */
    readonly position: number,
  ) {
    super(message);
  }
}

const MAX_LENGTH = 500;
const MAX_DEPTH = 50;
const FUNCTIONS: Record<string, { least: number; most: number; of: (...values: number[]) => number }> = {
  abs: { least: 1, most: 1, of: Math.abs },
  exp: { least: 1, most: 1, of: Math.exp },
  log: { least: 1, most: 1, of: Math.log },
  log10: { least: 1, most: 1, of: Math.log10 },
  sqrt: { least: 1, most: 1, of: Math.sqrt },
  min: { least: 2, most: 8, of: Math.min },
  max: { least: 2, most: 8, of: Math.max },
};
const OPERATORS: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": (a, b) => a ** b,
};
const NAME = /[\p{L}\p{N}_.:@/-]/u;

class Reader {
  at = 0;
  private depth = 0;
  private inBase = false;

  constructor(
    private readonly text: string,
    private readonly known: ReadonlySet<string>,
  ) {}

  private skip(): string {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
    return this.text[this.at] ?? "";
  }

  private fail(message: string): never {
    throw new ExpressionError(message, this.at);
  }

  private expect(sign: string): void {
    if (this.skip() !== sign) this.fail(`“${sign}” is missing`);
    this.at += 1;
  }

  whole(): Node {
    const node = this.sum();
    if (this.skip()) this.fail("This was not expected");
    return node;
  }

  private chain(signs: string, next: () => Node): Node {
    let left = next();
    for (let sign = this.skip(); sign && signs.includes(sign); sign = this.skip()) {
      this.at += 1;
      left = { kind: "call", name: sign, of: [left, next()] };
    }
    return left;
  }

  private sum(): Node {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) this.fail("Too many parentheses");
    const node = this.chain("+-", () => this.chain("*/%", () => this.power()));
    this.depth -= 1;
    return node;
  }

  private power(): Node {
    const left = this.signed();
    if (this.skip() !== "^") return left;
    this.at += 1;
    this.depth += 1;
    if (this.depth > MAX_DEPTH) this.fail("Too many powers");
    const node: Node = { kind: "call", name: "^", of: [left, this.power()] };
    this.depth -= 1;
    return node;
  }

  private signed(): Node {
    const sign = this.skip();
    if (sign !== "-" && sign !== "+") return this.atom();
    this.at += 1;
    const of = this.atom();
    return sign === "-" ? { kind: "call", name: "-", of: [{ kind: "number", value: 0 }, of] } : of;
  }

  private atom(): Node {
    const sign = this.skip();
    if (sign === "(") {
      this.at += 1;
      const node = this.sum();
      this.expect(")");
      return node;
    }
    if (sign === "`") return this.quoted();
    const number = /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\p{L}_/])/iu.exec(this.text.slice(this.at));
    if (number && !this.knownKey()) {
      this.at += number[0].length;
      return { kind: "number", value: Number(number[0]) };
    }
    return this.name();
  }

  private quoted(): Node {
    let key = "";
    for (let i = this.at + 1; i < this.text.length; i++) {
      if (this.text[i] === "`" && this.text[i + 1] !== "`") {
        if (!key) this.fail("A name is empty");
        this.at = i + 1;
        return { kind: "metric", key, base: this.inBase };
      }
      if (this.text[i] === "`") i += 1;
      key += this.text[i];
    }
    return this.fail("The closing backtick is missing");
  }

  /** The longest known key that stands here and ends where a name may end. */
  private knownKey(): string | null {
    let found: string | null = null;
    for (const key of this.known) {
      if (key.length <= (found?.length ?? 0) || !this.text.startsWith(key, this.at)) continue;
      const after = this.text[this.at + key.length] ?? "";
      if (!after || !/[\p{L}\p{N}_.:@]/u.test(after)) found = key;
    }
    return found;
  }

  private name(): Node {
    const key = this.knownKey();
    if (key !== null && !(key in FUNCTIONS && this.text[this.at + key.length] === "(")) {
      this.at += key.length;
      return { kind: "metric", key, base: this.inBase };
    }
    let end = this.at;
    while (NAME.test(this.text[end] ?? "")) end += 1;
    if (end === this.at) this.fail("A metric or a number is missing");
    const word = this.text.slice(this.at, end);
    if (this.text[end] !== "(") this.fail(`No metric is called “${word}”`);
    const start = this.at;
    this.at = end + 1;
    if (word === "base") return this.ofBase();
    const known = Object.hasOwn(FUNCTIONS, word) ? FUNCTIONS[word] : undefined;
    if (!known) throw new ExpressionError(`There is no function “${word}”`, start);
    const of = [this.sum()];
    while (this.skip() === ",") {
      this.at += 1;
      of.push(this.sum());
    }
    this.expect(")");
    if (of.length < known.least || of.length > known.most) {
      throw new ExpressionError(`“${word}” takes another number of values`, start);
    }
    return { kind: "call", name: word, of };
  }

  private ofBase(): Node {
    const before = this.inBase;
    this.inBase = true;
    const node = this.sum();
    this.inBase = before;
    this.expect(")");
    return node;
  }
}

/** Read an expression; throws `ExpressionError`. */
export function parseExpression(text: string, known: Iterable<string>): Node {
  if (text.length > MAX_LENGTH) throw new ExpressionError("The expression is too long", MAX_LENGTH);
  return new Reader(text, new Set(known)).whole();
}

/** The metrics that an expression needs, of the run itself and of the baseline. */
export function metricsOf(node: Node): { key: string; base: boolean }[] {
  if (node.kind === "metric") return [{ key: node.key, base: node.base }];
  return node.kind === "call" ? node.of.flatMap(metricsOf) : [];
}

/** The value at each of `length` places; `column` gives a metric there. */
export function compute(
  node: Node,
  length: number,
  column: (key: string, base: boolean) => Float64Array,
): Float64Array {
  if (node.kind === "number") return new Float64Array(length).fill(node.value);
  if (node.kind === "metric") return column(node.key, node.base);
  const of = node.of.map((one) => compute(one, length, column));
  const out = new Float64Array(length);
  const operator = OPERATORS[node.name];
  if (operator) {
    for (let i = 0; i < length; i++) out[i] = operator(of[0]![i]!, of[1]![i]!);
    return out;
  }
  const known = FUNCTIONS[node.name]!;
  for (let i = 0; i < length; i++) out[i] = known.of(...of.map((one) => one[i]!));
  return out;
}
