/**
 * `npm run build`: the page, from dashboard/ into dashboard/dist, which is committed: a lab needs no build to run.
 *
 * `node scripts/build-page.ts [DIRECTORY]`. The bytes depend on the source and on what is installed, on nothing else.
 */
import { join, resolve } from "node:path";
import { build } from "vite";
import { viteConfig } from "./page-config.ts";

process.env["NODE_ENV"] = "production";
await build(viteConfig(resolve(process.argv[2] ?? join(import.meta.dirname, "..", "dashboard", "dist"))));
