// The page that tries a model. All that comes from the server is written as text, never as markup.

import { make, makeField, newId, typeWords } from "./page_fields.js";

// Beyond 15 digits JavaScript's numbers would change what is shown, where they can't be kept as text.
const LONG_NUMBER = /\d{16}/;

const app = document.getElementById("app");
let token = "";

const authorization = () => (token ? { authorization: `Bearer ${token}` } : {});
const text = (value) => JSON.stringify(value, null, 2);

// Numbers as they were written: 64-bit integers don't fit JavaScript's.
function exactly(_key, value, context) {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || !JSON.rawJSON) return value;
  return String(value) === source ? value : JSON.rawJSON(source);
}

function parse(body) {
  return JSON.parse(body, exactly);
}

// The first row of an input example, by column.
function firstRow(model) {
  const example = model.example ?? {};
  const split = example.dataframe_split;
  if (split?.columns) return Object.fromEntries(split.columns.map((c, i) => [c, split.data[0]?.[i]]));
  const rows = example.dataframe_records ?? example.inputs ?? example.instances;
  if (Array.isArray(rows) && typeof rows[0] === "object") return rows[0] ?? {};
  if (rows && typeof rows === "object")
    return Object.fromEntries(Object.entries(rows).map(([c, v]) => [c, Array.isArray(v) ? v[0] : v]));
  return {};
}

function isForm(model) {
  return (model.inputs ?? []).length > 0 && model.inputs.every((s) => s.type !== "tensor" && s.name != null);
}

function startingBody(model) {
  if (model.example) return text(model.example);
  return isForm(model) ? "" : text({ inputs: [] });
}

function requestMaker(model) {
  const row = firstRow(model);
  const columns = (isForm(model) ? model.inputs : []).map((spec) => makeField(spec, row[spec.name]));
  const given = model.example?.params ?? {};
  const params = (model.params ?? []).map((spec) =>
    makeField(spec, spec.name in given ? given[spec.name] : spec.default),
  );
  const id = newId();
  const area = make("textarea", { id, class: "body", spellcheck: "false", "aria-describedby": `${id}-wrong` });
  area.value = startingBody(model);
  const wrong = make("div", { class: "bad", id: `${id}-wrong` });
  const set = (legend, fields) =>
    fields.length
      ? make("fieldset", {}, make("legend", {}, legend), make("div", { class: "fields" }, ...fields.map((f) => f.node)))
      : null;
  const form = make("div", {}, set("Columns", columns), set("Params", params));
  const raw = make("div", {}, make("label", { for: id }, "Body of the request"), area, wrong);

  const collect = (fields) => {
    const found = [];
    let first;
    for (const field of fields) {
      try {
        found.push([field.spec.name, field.read()]);
      } catch (error) {
        first ??= error;
      }
    }
    if (first) throw first;
    return found;
  };
  const fromForm = () => {
    const cells = collect(columns);
    const values = collect(params);
    const names = JSON.stringify(cells.map(([name]) => name));
    const split = `"dataframe_split": {"columns": ${names}, "data": [[${cells.map(([, v]) => v).join(", ")}]]}`;
    const more = values.map(([name, v]) => `${JSON.stringify(name)}: ${v}`).join(", ");
    return values.length ? `{${split}, "params": {${more}}}` : `{${split}}`;
  };
  const fromText = () => {
    try {
      JSON.parse(area.value);
    } catch (error) {
      area.setAttribute("aria-invalid", "true");
      wrong.textContent = `This is no JSON: ${error.message}`;
      throw Object.assign(error, { control: area });
    }
    area.removeAttribute("aria-invalid");
    wrong.textContent = "";
    return area.value;
  };
  return { form, raw, area, fromForm, fromText };
}

// The answer.

function streamed(body) {
  return body.replace(/^\s*\{/, '{"stream": true, ');
}

async function ask(model, body, { onPiece }) {
  const start = performance.now();
  const response = await fetch(`models/${encodeURIComponent(model.name)}/invocations`, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorization() },
    body,
  });
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let whole = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    whole += decoder.decode(value, { stream: true });
    onPiece(whole);
  }
  return { response, whole, tookMs: performance.now() - start };
}

function pretty(body) {
  if (LONG_NUMBER.test(body) && !JSON.rawJSON) return body;
  try {
    return text(parse(body));
  } catch {
    return body;
  }
}

const shell = (value) => `'${value.replaceAll("'", "'\\''")}'`;

function curl(url, body, isStream) {
  const lines = [`curl ${isStream ? "-N " : ""}${shell(url)}`, "-H 'Content-Type: application/json'"];
  if (token) lines.push('-H "Authorization: Bearer $ASSAY_SERVE_TOKEN"');
  return [...lines, `--data-raw ${shell(body)}`].join(" \\\n  ");
}

function python(url, body, isStream) {
  const bearer = '"Authorization": "Bearer " + os.environ["ASSAY_SERVE_TOKEN"]';
  return [
    ...(isStream ? [] : ["import json"]),
    ...(token ? ["import os"] : []),
    "import urllib.request",
    "",
    `url = ${JSON.stringify(url)}`,
    `body = ${JSON.stringify(body)}`,
    `headers = {"Content-Type": "application/json"${token ? `, ${bearer}` : ""}}`,
    "request = urllib.request.Request(url, body.encode(), headers)",
    ...(isStream
      ? ["for line in urllib.request.urlopen(request):", "    print(line.decode().strip())"]
      : ["print(json.load(urllib.request.urlopen(request)))"]),
  ].join("\n");
}

function snippet(title) {
  const code = make("code");
  const said = make("span", { class: "quiet", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      said.textContent = "Selected: copy it with the keyboard";
    }
  };
  const button = make("button", { type: "button", onclick: copy, "aria-label": `Copy ${title}` }, "Copy");
  const head = make("div", { class: "row" }, make("h2", {}, title), said, button);
  const pre = make("pre", { tabindex: "0", role: "region", "aria-label": title }, code);
  return { node: make("div", {}, head, pre), code };
}

function show(models, model) {
  const maker = requestMaker(model);
  let mode = isForm(model) ? "form" : "json";
  const stream = make("input", { type: "checkbox" });
  const body = () => {
    const plain = mode === "form" ? maker.fromForm() : maker.fromText();
    return stream.checked ? streamed(plain) : plain;
  };
  const url = new URL(`models/${encodeURIComponent(model.name)}/invocations`, location.href).href;
  const snippets = { curl: snippet("curl"), python: snippet("Python") };
  const refresh = () => {
    try {
      const current = body();
      snippets.curl.code.textContent = curl(url, current, stream.checked);
      snippets.python.code.textContent = python(url, current, stream.checked);
    } catch {
      // What is wrong stands beside its field; the snippets stay as they were.
    }
  };
  const changeMode = (wanted) => {
    if (wanted === "json" && mode === "form") {
      try {
        maker.area.value = pretty(maker.fromForm());
          maker.fromText();
      } catch {
        // The text before stays.
      }
    }
    mode = wanted;
    maker.form.hidden = mode !== "form";
    maker.raw.hidden = mode !== "json";
    refresh();
  };
  const choice = (value, words) => {
    const onchange = () => changeMode(value);
    const radio = make("input", { type: "radio", name: "mode", checked: value === mode, onchange });
    return make("label", {}, radio, words);
  };
  const modes = make(
    "fieldset",
    { hidden: !isForm(model) },
    make("legend", {}, "Ask by"),
    make("div", { class: "modes" }, choice("form", "Form"), choice("json", "JSON")),
  );
  const facts = make("p", { class: "quiet", role: "status" }, "Nothing was asked yet.");
  const answer = make("pre", { tabindex: "0", role: "region", "aria-label": "What was answered" });
  const button = make("button", { class: "main", type: "submit" }, "Predict");
  const predict = async (event) => {
    event.preventDefault();
    let asked;
    try {
      asked = body();
    } catch (error) {
      error.control?.focus();
      return;
    }
    refresh();
    button.disabled = true;
    facts.className = "quiet";
    facts.textContent = "Asking…";
    try {
      const onPiece = (part) => {
        if (stream.checked) answer.textContent = part;
      };
      const { response, whole, tookMs } = await ask(model, asked, { onPiece });
      const version = response.headers.get("x-assay-version");
      const who = version ? `version ${decodeURIComponent(version)}` : "nobody";
      facts.className = response.ok ? "quiet" : "bad";
      facts.textContent = `${response.status} in ${tookMs.toFixed(1)} ms, answered by ${who}`;
      answer.textContent = stream.checked && response.ok ? whole : pretty(whole);
    } catch (error) {
      facts.className = "bad";
      facts.textContent = `The server can't be reached: ${error.message}`;
    } finally {
      button.disabled = false;
      facts.scrollIntoView({ block: "nearest" });
    }
  };
  const request = make(
    "form",
    { onsubmit: predict, oninput: refresh, novalidate: true },
    modes,
    maker.form,
    maker.raw,
    model.streams ? make("p", {}, make("label", {}, stream, " Piece by piece")) : null,
    button,
  );
  const versions = model.versions
    .map((one) => (model.versions.length > 1 ? `${one.version} (${one.weight} %)` : one.version))
    .join(", ");
  const outputs = (model.outputs ?? []).map((one) => `${one.name ?? "predictions"}: ${typeWords(one)}`).join(", ");
  const pick = make("select", { id: newId(), onchange: () => show(models, models[pick.selectedIndex]) });
  pick.append(...models.map((one) => make("option", { selected: one === model }, one.name)));
  app.replaceChildren(
    make(
      "header",
      {},
      make("h1", {}, model.name),
      make("span", { class: "quiet" }, `version ${versions} of ${model.source}`),
      make("a", { href: "openapi.json" }, "OpenAPI"),
    ),
    models.length > 1 ? make("p", { class: "pick" }, make("label", { for: pick.id }, "Model"), pick) : "",
    make(
      "div",
      { class: "sides" },
      make("section", { "aria-label": "Request" }, make("h2", {}, "Request"), request),
      make(
        "section",
        { "aria-label": "Answer" },
        make("h2", {}, "Answer"),
        facts,
        answer,
        outputs ? make("p", { class: "quiet" }, `Gives ${outputs}`) : null,
        snippets.curl.node,
        snippets.python.node,
      ),
    ),
  );
  maker.form.hidden = mode !== "form";
  maker.raw.hidden = mode !== "json";
  refresh();
}

function askForToken(message) {
  const id = newId();
  const field = make("input", { id, type: "password", autocomplete: "off" });
  const enter = (event) => {
    event.preventDefault();
    token = field.value.trim();
    start();
  };
  app.replaceChildren(
    make("h1", {}, "Try a model"),
    make(
      "form",
      { onsubmit: enter },
      make("p", {}, make("label", { for: id }, "Token of this server"), field),
      make("button", { class: "main", type: "submit" }, "Continue"),
      make("p", { class: "bad", role: "alert" }, message),
    ),
  );
  field.focus();
}

async function start() {
  const response = await fetch("signatures", { headers: authorization() });
  if (response.status === 401) {
    askForToken(token ? "This isn't the server's token." : "");
    return;
  }
  const models = parse(await response.text());
  if (!response.ok || models.length === 0) {
    app.replaceChildren(make("p", { class: "bad" }, models.message ?? "No model is served."));
    return;
  }
  show(models, models[0]);
}

start().catch((error) => {
  app.replaceChildren(make("p", { class: "bad" }, `The server can't be reached: ${error.message}`));
});
