/**
 * How the page is built: one script, one style sheet and the document that names them, always the same bytes from the
 * same source, so that the committed build can be checked against it. Nothing is left for the server to fill in.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { InlineConfig, Plugin } from "vite";
import { landPath } from "./land-path.ts";

const ROOM = fileURLToPath(new URL("../dashboard/", import.meta.url));
const LAND_ID = "virtual:land";
/** Preact 11 and Chromium 109, Firefox 115, Safari 16.4 on: what `es2022` says. */
const TARGET = "es2022";

export function viteConfig(outDir: string): InlineConfig {
  return {
    root: ROOM,
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: "warn",
    plugins: [land(), documents(outDir)],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      target: TARGET,
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: `${ROOM}main.tsx`,
        output: { entryFileNames: "page.js", assetFileNames: "page[extname]", codeSplitting: false },
      },
    },
  };
}

function land(): Plugin {
  const resolved = `\0${LAND_ID}`;
  return {
    name: "land",
    resolveId: (id) => (id === LAND_ID ? resolved : undefined),
    load: (id) => (id === resolved ? `export const LAND = ${JSON.stringify(landPath())};` : undefined),
  };
}

/** The document and the icon go as they are: they name the other two files themselves. */
function documents(outDir: string): Plugin {
  return {
    name: "documents",
    closeBundle() {
      mkdirSync(outDir, { recursive: true });
      for (const file of ["index.html", "icon.svg"]) copyFileSync(`${ROOM}${file}`, `${outDir}/${file}`);
    },
  };
}
