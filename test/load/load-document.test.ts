import { expect, test } from "vitest";
import { parseLoadDocument } from "#loadtest/load/load-document.ts";

const VALID = {
  url: "http://127.0.0.1:8080",
  rate: 500,
  durationMs: 1_000,
  vantages: [{ vantage: "new-york", host: "new-york.localhost:8080" }],
  resultFile: "load.json",
  logFile: "load.log",
};

test("what is left out has its default", () => {
  expect(parseLoadDocument(VALID)).toEqual({
    ...VALID,
    warmUpMs: 0,
    freshPercent: 50,
    postPercent: 5,
    postPath: "/echo",
    timeoutMs: 10_000,
    seed: 1,
    lagGateMs: 2,
    openMax: 8_192,
    executionUrls: [],
  });
});

test.each([
  ["an unknown key", { ratio: 1 }, /ratio/],
  ["a rate beyond the bound", { rate: 5_001 }, /rate: /],
  ["https", { url: "https://127.0.0.1" }, /url: is no http:\/\/ URL/],
  ["no vantage", { vantages: [] }, /vantages: /],
  [
    "a Host that ends its line",
    { vantages: [{ vantage: "x", host: "a\r\nx: y" }] },
    /vantages\.0\.host: has characters/,
  ],
  ["a path that ends its line", { postPath: "/echo\r\n" }, /postPath: /],
])("%s is an error that names the key", (_name, change, message) => {
  expect(() => parseLoadDocument({ ...VALID, ...change })).toThrow(message);
});

test("all errors are told at once", () => {
  expect(() => parseLoadDocument({ ...VALID, rate: 0, seed: -1 })).toThrow(/2 error\(s\): rate: .*; seed: /);
});
