/** The load beside the containers: a process that ends early is told, however it ended. */
import { expect, test } from "vitest";
import { LoadRun } from "../../scripts/containers/load-run.ts";

test.each([
  ["that a signal ended", "echo no luck >&2; kill -KILL $$"],
  ["that gave up", "echo no luck >&2; exit 1"],
])("a load %s has not started", async (_how, script) => {
  await expect(new LoadRun(["sh", "-c", script]).started()).rejects.toThrow("the load ended: no luck");
});

test("a load that cannot be run has not started", async () => {
  await expect(new LoadRun(["/nowhere/anycastle"]).started()).rejects.toThrow("the load ended: ");
});

test("a load that counts requests has started", async () => {
  const load = new LoadRun(["sh", "-c", "echo sent 0 >&2; echo sent 7 >&2; exec sleep 30"]);
  try {
    expect(await load.started()).toBe("100 requests/s");
  } finally {
    load.abandon();
  }
});
