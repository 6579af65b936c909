/** What is read from the logs of the lab's routers. The lines are BIRD 2.0.12's. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RouterLogs } from "../../scripts/bird-lab/logs.ts";

let dir = "";
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "anycastle-logs-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const AT = "2026-11-25 12:20:01";
const AT_US = Date.parse("2026-11-25T12:20:01") * 1_000;

test("best routes' changes since the mark, of all routers, by time; nothing else", () => {
  const [one, other] = [join(dir, "one.log"), join(dir, "other.log")];
  const logs = new RouterLogs(
    new Map([
      ["one", one],
      ["other", other],
      ["never started", join(dir, "none.log")],
    ]),
  );
  writeFileSync(one, `${AT}.000001 <TRACE> observer.ipv4 < added 203.0.113.0/24 0L 5G unicast\n`);
  logs.mark();
  expect(logs.changes()).toEqual([]);
  appendFileSync(
    one,
    `${AT}.000500 <TRACE> observer.ipv4 < replaced 203.0.113.0/24 0L 5G unicast\n` +
      `${AT}.000600 <TRACE> bgp5.ipv4 < removed 203.0.113.0/24 0L 5G unicast\n` +
      `${AT}.000700 <ERR> bgp5: Received: Administrative shutdown\n`,
  );
  writeFileSync(other, `${AT}.000400 <TRACE> observer.ipv4 < removed 203.0.113.0/24 0L 6G unicast\n`);
  expect(logs.changes()).toEqual([
    { router: "other", atUs: AT_US + 400 },
    { router: "one", atUs: AT_US + 500 },
  ]);
});

test("at rest is what has moved and then stood; what never moves is told", async () => {
  const file = join(dir, "one.log");
  writeFileSync(file, "");
  const logs = new RouterLogs(new Map([["one", file]]));
  logs.mark();
  expect(await logs.untilStill(1, 0)).toBe(false);
  appendFileSync(file, "x\n");
  expect(await logs.untilStill(1, 10_000)).toBe(true);
});
