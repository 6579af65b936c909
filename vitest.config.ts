/**
 * Everything but what has a configuration of its own: whole casts in test/e2e, real routers in test/routers, Chromium in
 * test/browser, k6 in test/k6.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "test/routers/**", "test/browser/**", "test/k6/**"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
