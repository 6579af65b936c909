/** A breaker by name around a call of one's own. */
import { expect, test } from "vitest";
import { CircuitBreakerOpenError, NamedBreakers } from "#gateway/named-breakers.ts";

const DATABASE = { failureThreshold: 3, timeoutMs: 30_000 };
const good = async (): Promise<string> => "good";
const bad = (): Promise<string> => Promise.reject(new Error("away"));

function setUp(): { breakers: NamedBreakers; at: (ms: number) => void } {
  let nowMs = 0;
  return { breakers: new NamedBreakers(() => nowMs), at: (ms) => (nowMs = ms) };
}

test("a result and an error come through as they are", async () => {
  const { breakers } = setUp();
  const breaker = breakers.get("database", DATABASE);
  expect(await breaker.execute(good)).toBe("good");
  await expect(breaker.execute(bad)).rejects.toThrow("away");
});

test("open after so many failures in a row: it is not called, and the error says until when", async () => {
  const { breakers, at } = setUp();
  const breaker = breakers.get("database", DATABASE);
  let calls = 0;
  const run = (is: () => Promise<string>) => (): Promise<string> => {
    calls += 1;
    return is();
  };
  for (const is of [bad, bad, good, bad, bad]) await breaker.execute(run(is)).catch(() => undefined);
  expect([breaker.policy.state, breaker.isOpen]).toEqual(["closed", false]);
  await breaker.execute(run(bad)).catch(() => undefined);
  expect([breaker.policy.state, breaker.isOpen, calls]).toEqual(["open", true, 6]);
  at(10_000);
  const refused: unknown = await breaker.execute(run(good)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CircuitBreakerOpenError);
  expect(refused).toMatchObject({
    message: "Circuit breaker is open",
    code: "BREAKER_OPEN",
    retryAfterMs: 20_000,
  });
  expect(calls).toBe(6);
});

test("when its time is over one call tries, alone; its end decides", async () => {
  const { breakers, at } = setUp();
  const breaker = breakers.get("database", DATABASE);
  for (let count = 0; count < 3; count++) await breaker.execute(bad).catch(() => undefined);
  at(30_000);
  const trial = Promise.withResolvers<string>();
  const tried = breaker.execute(() => trial.promise);
  await expect(breaker.execute(good)).rejects.toThrow(CircuitBreakerOpenError);
  trial.reject(new Error("still away"));
  await expect(tried).rejects.toThrow("still away");
  expect(breaker.policy.state).toBe("open");
  at(60_000);
  expect(await breaker.execute(good)).toBe("good");
  expect(breaker.policy.state).toBe("closed");
});

test("what fails before it has made a promise has failed too", async () => {
  const { breakers } = setUp();
  const breaker = breakers.get("database", { failureThreshold: 1, timeoutMs: 1 });
  const broken = (): Promise<string> => {
    throw new Error("at once");
  };
  await expect(breaker.execute(broken)).rejects.toThrow("at once");
  expect(breaker.policy.state).toBe("open");
});

test("one name is one breaker, whoever asks; with other options it is a bug", () => {
  const { breakers } = setUp();
  expect(breakers.get("database", DATABASE)).toBe(breakers.get("database", { ...DATABASE }));
  breakers.get("cache", DATABASE);
  expect(breakers.all.map(({ name }) => name)).toEqual(["database", "cache"]);
  expect(() => breakers.get("cache", { ...DATABASE, timeoutMs: 1 })).toThrow('breaker "cache"');
});
