import {
  copyFileSync,
  createReadStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = resolve(import.meta.dirname, "../src/assay/server/static");

/** What pages of artifacts draw with: served by this server in place of the copies that they name elsewhere. */
const FIGURE_LIBS: Record<string, string> = {
  "plotly.min.js": "plotly.js-cartesian-dist-min/plotly-cartesian.min.js",
  "vega.min.js": "vega/build/vega.min.js",
  "vega-lite.min.js": "vega-lite/build/vega-lite.min.js",
  "vega-embed.min.js": "vega-embed/build/vega-embed.min.js",
};

function figureLibs(): Plugin {
  const source = (name: string) => resolve(import.meta.dirname, "node_modules", FIGURE_LIBS[name] ?? "");
  return {
    name: "assay-figure-libs",
    configureServer(server) {
      server.middlewares.use("/figure-libs/", (request, response, next) => {
        const name = (request.url ?? "").slice(1).split("?")[0] ?? "";
        if (!(name in FIGURE_LIBS)) return next();
        response.setHeader("content-type", "text/javascript");
        createReadStream(source(name)).pipe(response);
      });
    },
    writeBundle() {
      for (const name of Object.keys(FIGURE_LIBS)) {
        const to = join(OUT, "figure-libs", name);
        mkdirSync(dirname(to), { recursive: true });
        copyFileSync(source(name), to);
      }
    },
  };
}

/** The development server is always at the root; the built page gets its base from Assay's server. */
function rootBase(): Plugin {
  return {
    name: "assay-root-base",
    apply: "serve",
    transformIndexHtml: (html) => html.replace('<base href="./"', '<base href="/"'),
  };
}

/** Compressed beside each file once, so that the server never compresses them. */
function compressed(): Plugin {
  return {
    name: "assay-compressed",
    apply: "build",
    closeBundle() {
      for (const folder of ["assets", "figure-libs"]) {
        for (const name of readdirSync(join(OUT, folder))) {
          const path = join(OUT, folder, name);
          if (/\.(br|gz|map)$/.test(name) || statSync(path).size < 1000) continue;
          const content = readFileSync(path);
          writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
          const quality = content.length > 500_000 ? 9 : 11;
          writeFileSync(
            `${path}.br`,
            brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
          );
        }
      }
    },
  };
}

const CORE = [
  /[\\/]node_modules[\\/](react|react-dom|scheduler|lucide-react|@tanstack|@msgpack)[\\/]/,
  /[\\/]src[\\/](main\.|app[\\/]|api[\\/]|ui[\\/]|charts[\\/]colours\.|features[\\/](experiment|runs)[\\/])/,
];
const LATER = /[\\/](Palette|[Mm]arkdown|Peek|ColumnPicker)\./;

/**
 * What nearly all pages share, and the table of runs, which most of them lead to: one file. Left to itself the bundler
 * cuts it into forty, by which of the lazy pages share what, and each page waits for the last of them.
 */
function isCore(id: string): boolean {
  return CORE.some((one) => one.test(id)) && !LATER.test(id);
}

export default defineConfig({
  base: "./",
  plugins: [react(), figureLibs(), rootBase(), compressed()],
  resolve: { alias: { "@": resolve(import.meta.dirname, "src") } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // All pages' styles are less than one of their scripts: one file, and no page waits for a second.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: "core", test: isCore }],
        },
      },
    },
  },
  server: {
    // The Host header stays: the server refuses changes that come from a page of another origin.
    proxy: Object.fromEntries(
      ["/api", "/ajax-api", "/health"].map((path) => [
        path,
        { target: process.env.ASSAY_SERVER ?? "http://127.0.0.1:5000", changeOrigin: false },
      ]),
    ),
  },
  test: { environment: "jsdom", isolate: false, globals: false, include: ["src/**/*.test.{ts,tsx}"] },
} as Parameters<typeof defineConfig>[0]);
