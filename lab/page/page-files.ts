/**
 * The page's files, as `npm run build` left them: a document and the three files that it names, served with headers that
 * let the page load only these and talk only to this server. They are read when the first page asks, and kept.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { EXIT, UserError } from "#core/errors.ts";

const BUILT = fileURLToPath(new URL("../../dashboard/dist/", import.meta.url));

const FILES = [
  { path: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/page.js", file: "page.js", type: "text/javascript; charset=utf-8" },
  { path: "/page.css", file: "page.css", type: "text/css; charset=utf-8" },
  { path: "/icon.svg", file: "icon.svg", type: "image/svg+xml" },
] as const;

/** Nothing inline, nothing evaluated, nothing from elsewhere, no frame around it. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "cache-control": "no-cache",
};

export function addPageFiles(server: FastifyInstance): void {
  const read = new Map<string, Buffer>();
  for (const { path, file, type } of FILES) {
    server.get(path, (_request, reply) => {
      const bytes = read.get(file) ?? readBuilt(file);
      read.set(file, bytes);
      void reply.headers(PAGE_HEADERS).type(type).send(bytes);
    });
  }
}

function readBuilt(file: string): Buffer {
  try {
    return readFileSync(`${BUILT}${file}`);
  } catch (error) {
    throw new UserError("PAGE_MISSING", `the page's file ${file} is not there`, {
      hint: "`npm run build` makes it from dashboard/",
      exitCode: EXIT.failure,
      cause: error,
    });
  }
}
