// The fields of the form, one for each column or param, and the elements that the page is made of.

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const WHOLE = /^-?(0|[1-9]\d*)$/;

let lastId = 0;

export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export const newId = () => `f${++lastId}`;

// Fields: each gives the JSON text of its value, or throws what is wrong with it.

const isScalar = (type) =>
  ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"].includes(type);

export function typeWords(spec) {
  const inner = spec.items ?? spec.values;
  const words = inner ? `${spec.type} of ${inner.type}` : spec.type;
  if (spec.shape) return `${words} list`;
  return spec.required === false ? `${words}, may be empty` : words;
}

function jsonOf(spec, given) {
  const isOptional = spec.required === false;
  if (given === "" && isOptional) return "null";
  const type = spec.shape || !isScalar(spec.type) ? "any" : spec.type;
  if (type === "boolean") return given;
  if (type === "integer" || type === "long") {
    if (!WHOLE.test(given.trim())) throw new Error("A whole number is wanted.");
    return given.trim();
  }
  if (type === "float" || type === "double") {
    if (!NUMBER.test(given.trim())) throw new Error("A number is wanted.");
    return given.trim();
  }
  if (type === "any") {
    try {
      JSON.parse(given);
    } catch {
      throw new Error("JSON is wanted, such as [1, 2].");
    }
    return given.trim();
  }
  return JSON.stringify(given);
}

function startOf(spec, value) {
  if (value === undefined || value === null) return "";
  if (spec.shape || !isScalar(spec.type)) return JSON.stringify(value);
  return value.rawJSON ?? String(value);
}

export function makeField(spec, value) {
  const id = newId();
  const start = startOf(spec, value);
  const told = make("small", { id: `${id}-type` }, typeWords(spec));
  const wrong = make("div", { class: "bad", id: `${id}-wrong` });
  const facts = { id, "aria-describedby": `${id}-type ${id}-wrong` };
  let control;
  if (spec.type === "boolean" && !spec.shape) {
    const values = spec.required === false ? ["true", "false", ""] : ["true", "false"];
    control = make("select", facts, ...values.map((one) => make("option", {}, one)));
    control.value = values.includes(start) ? start : values[0];
  } else if (start.length > 60 || spec.shape || !isScalar(spec.type)) {
    control = make("textarea", { ...facts, rows: 2, spellcheck: "false" });
    control.value = start;
  } else {
    const numeric = !["string", "binary", "datetime"].includes(spec.type);
    const mode = numeric ? "decimal" : "text";
    control = make("input", { ...facts, inputmode: mode, autocomplete: "off" });
    control.value = start;
  }
  const read = () => {
    try {
      const json = jsonOf(spec, control.value);
      control.removeAttribute("aria-invalid");
      wrong.textContent = "";
      return json;
    } catch (error) {
      control.setAttribute("aria-invalid", "true");
      wrong.textContent = error.message;
      throw Object.assign(error, { control });
    }
  };
  const label = make("label", { for: id }, String(spec.name));
  return { node: make("div", { class: "field" }, label, control, told, wrong), read, spec };
}
