/** Everything but the whole-cast runs in test/e2e and the real routers in test/routers, which have configurations of their own. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "test/routers/**"],
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
