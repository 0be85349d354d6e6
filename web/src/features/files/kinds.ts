/** Which views a file has, chosen by its name. What a name promises may be wrong: views fall back to bytes. */

export type View =
  | "text"
  | "json"
  | "table"
  | "markdown"
  | "image"
  | "svg"
  | "audio"
  | "video"
  | "pdf"
  | "figure"
  | "notebook"
  | "header"
  | "shape"
  | "bytes";

const VIEWS: [RegExp, View[]][] = [
  [/(^|\/)MLmodel$/, ["header", "text"]],
  [/\.(plotly|vl|vg|vega|vega-?lite)\.json$/, ["figure", "json", "text"]],
  [/\.(json|geojson)$/, ["json", "table", "figure", "text"]],
  [/\.(jsonl|ndjson)$/, ["table", "text"]],
  [/\.(csv|tsv)$/, ["table", "text"]],
  [/\.(parquet|pq)$/, ["table", "bytes"]],
  [/\.(md|markdown)$/, ["markdown", "text"]],
  [/\.ipynb$/, ["notebook", "json", "text"]],
  [/\.(png|jpe?g|gif|webp|avif|bmp)$/, ["image", "bytes"]],
  [/\.svg$/, ["svg", "text"]],
  [/\.(wav|mp3|ogg|oga|opus|flac|m4a|aac|weba)$/, ["audio", "bytes"]],
  [/\.(mp4|webm|ogv|mov|m4v|mkv)$/, ["video", "bytes"]],
  [/\.pdf$/, ["pdf", "bytes"]],
  [/\.html?$/, ["figure", "text"]],
  [/\.ply$/, ["shape", "bytes", "text"]],
  [/\.(obj|xyz)$/, ["shape", "text"]],
  [/\.npy$/, ["header", "shape", "bytes"]],
  [
    /\.(npz|safetensors|onnx|pkl|pickle|joblib|pt|pth|ckpt|bin|zip|jar|whl|skops|keras)$/,
    ["header", "bytes"],
  ],
  [
    /\.(h5|hdf5|pb|tflite|gz|bz2|xz|zst|tar|7z|so|dll|exe|db|sqlite3?|ttf|woff2?|ico|tiff?)$/,
    ["bytes", "text"],
  ],
];

export function viewsOf(path: string): View[] {
  const name = path.toLowerCase();
  const found = VIEWS.find(([pattern]) => pattern.test(name) || pattern.test(path));
  return found?.[1] ?? ["text", "bytes"];
}

const LANGUAGES: [RegExp, string][] = [
  [/\.(py|pyi|pyw)$/, "python"],
  [/\.(json|geojson|jsonl|ndjson|ipynb)$/, "json"],
  [/\.(ya?ml)$|(^|\/)(mlmodel|mlproject|conda_env)$/, "yaml"],
  [/\.(toml|ini|cfg|conf|properties)$/, "ini"],
  [/\.(md|markdown)$/, "markdown"],
  [/\.(sh|bash|zsh)$|(^|\/)\.?(bashrc|profile)$/, "bash"],
  [/\.(js|mjs|cjs|jsx)$/, "javascript"],
  [/\.(ts|tsx)$/, "typescript"],
  [/\.(html?|xml|svg)$/, "xml"],
  [/\.css$/, "css"],
  [/\.sql$/, "sql"],
  [/\.(diff|patch)$/, "diff"],
  [/\.r$/, "r"],
  [/\.jl$/, "julia"],
  [/\.(c|h|cc|cpp|hpp|cu|cuh)$/, "cpp"],
  [/\.rs$/, "rust"],
  [/\.go$/, "go"],
  [/\.java$/, "java"],
  [/(^|\/)dockerfile[^/]*$/, "dockerfile"],
  [/(^|\/)makefile$/, "makefile"],
  [/\.tex$/, "latex"],
];

/** The language that a file's text is coloured as; none: plain. */
export function languageOf(path: string): string | undefined {
  const name = path.toLowerCase();
  return LANGUAGES.find(([pattern]) => pattern.test(name))?.[1];
}
