/** `docs/metrics.md` and `/metrics` name the same families. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ask, withStand } from "./stand.ts";

/** Of Node and its process: prom-client's own, told as a group. */
const RUNTIME = /^(?:process|nodejs)_/;

test("every family that exists is documented with its type, and every documented one exists", async () => {
  // Nobody takes its spans, which is as good here.
  const document = { tracing: { otlp: { endpoint: "http://127.0.0.1:9" } } };
  await withStand({ document }, async ({ gateway, port }) => {
    await ask(port);
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
      .map(([, name, type]) => `${name} ${type}`)
      .filter((line) => !RUNTIME.test(line));
    const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
    const told = [...page.matchAll(/^\| `([a-z_]+)` \| (\w+) \|/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    expect(told.toSorted((x, y) => x.localeCompare(y))).toEqual(
      served.toSorted((x, y) => x.localeCompare(y)),
    );
  });
});
