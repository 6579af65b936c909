/**
 * Everything but what has a configuration of its own: whole casts in test/e2e, real routers in test/routers, Chromium in
 * test/browser, k6 in test/k6.
 */
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Two on two cores too, where vitest would take one and leave the other core to itself: most files wait for processes that they
 * started, or for a timer.
 */
const WORKERS_MIN = 2;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "test/routers/**", "test/browser/**", "test/k6/**"],
    pool: "forks",
    maxWorkers: Math.max(WORKERS_MIN, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
