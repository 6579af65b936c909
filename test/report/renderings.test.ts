import * as fc from "fast-check";
import { expect, test } from "vitest";
import { analyseFailover } from "#loadtest/report/failover.ts";
import type { FailoverEvidence } from "#loadtest/report/evidence.ts";
import type { FailoverReport } from "#loadtest/report/failover-report.ts";
import { formatBinUnit, formatCount, formatDelta, formatMs, formatPercent } from "#loadtest/report/format.ts";
import { renderHtml } from "#loadtest/report/html.ts";
import { renderMarkdown } from "#loadtest/report/markdown.ts";
import { renderText } from "#loadtest/report/text.ts";
import { syntheticRun } from "./synthetic-run.ts";

const VOID_ELEMENTS = new Set(["meta", "br", "hr", "img", "input", "link"]);

/** The names of elements that are left open or closed out of turn; empty for a well-formed page. */
function brokenTags(html: string): string[] {
  const open: string[] = [];
  const broken: string[] = [];
  const body = html.replace(/<style>[^<]*<\/style>/, "");
  for (const [tag, slash, name, rest] of body.matchAll(
    /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[\w:-]+="[^"<>]*")*\s*\/?)>/g,
  )) {
    if (slash === "/") {
      if (open.pop() !== name) broken.push(tag);
    } else if (!VOID_ELEMENTS.has(name!) && !rest!.endsWith("/")) open.push(name!);
  }
  // Whatever angle bracket the pattern did not take as a tag was not escaped or is a broken tag.
  const left = body
    .replace("<!doctype html>", "")
    .replaceAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[\w:-]+="[^"<>]*")*\s*\/?)>/g, "");
  return [...broken, ...open, ...(left.match(/[<>]/g) ?? [])];
}

/** The same run with one text in every place that a stranger can fill: header values, reasons, evidence. */
function haunted(text: string): FailoverEvidence {
  const base = syntheticRun(900);
  return {
    ...base,
    meta: {
      ...base.meta,
      target: text,
      nodes: [text],
      command: text,
      emulated: [text],
      machine: { ...base.meta.machine, cpuModel: text },
    },
    steps: [{ name: text, state: "missed", isTiming: false, expected: text, measured: text }],
    verdict: "missed",
    predicted: { ...base.predicted!, basis: text },
    loadResult: { ...base.loadResult, failed: { [text]: 3 } },
    events: base.events.map((event) => ({
      ...event,
      ...("node" in event ? { node: text } : {}),
      ...("site" in event ? { site: text } : {}),
      ...("reason" in event ? { reason: text } : {}),
      ...("target" in event ? { target: text } : {}),
      ...("vantage" in event ? { vantage: text } : {}),
    })) as FailoverEvidence["events"],
    requests: base.requests
      .slice(0, 200)
      .concat(base.requests.slice(6000, 6300))
      .map((request) => ({
        ...request,
        node: text,
        site: text,
        cohort: text,
        vantage: text,
        error: request.error === null ? null : text,
      })),
    tests: base.tests.map((speedTest) => ({
      ...speedTest,
      label: text,
      rows: speedTest.rows.map((row) => ({ ...row, city: text, site: text })),
    })),
  };
}

function report(evidence: FailoverEvidence = syntheticRun()): FailoverReport {
  return analyseFailover(evidence);
}

test("the page is well-formed", () => {
  expect(brokenTags(renderHtml(report()))).toEqual([]);
  expect(brokenTags(renderHtml(report(syntheticRun(900))))).toEqual([]);
});

test("the page refers to nothing outside itself and forbids itself to", () => {
  const html = renderHtml(report());
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(html).not.toMatch(/\b(?:src|href|action|srcset|data|poster)=/);
  expect(html).not.toMatch(/url\(|@import|<link|<iframe|<object/);
  expect(html).not.toMatch(/https?:/);
});

test("a node that calls itself a script stays a text", () => {
  const html = renderHtml(report(haunted("<script>alert('x')</script>")));
  expect(html).not.toContain("<script");
  expect(html).toContain("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  expect(brokenTags(html)).toEqual([]);
});

test("no text whatever breaks the page, a table of the Markdown, or the terminal", () => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom(
      '"><img onerror=x>',
      "a|b\nc",
      "\u001b]0;owned\u0007",
      "`*_[x](y)",
      "-->",
      "]]>",
      "\\|",
      "‮abc",
    ),
  );
  fc.assert(
    fc.property(nasty, (text) => {
      const document = report(haunted(text));
      const html = renderHtml(document);
      expect(brokenTags(html)).toEqual([]);
      expect(brokenTables(renderMarkdown(document))).toEqual([]);
      expect(controlsIn(renderText(document, { isColour: false }))).toEqual([]);
    }),
    { numRuns: 25, seed: 20261124 },
  );
});

/** Control characters but the end of a line. */
function controlsIn(text: string): string[] {
  return Array.from(text).filter((character) => {
    const code = character.codePointAt(0)!;
    return (code < 0x20 && character !== "\n") || (code >= 0x7f && code < 0xa0);
  });
}

/** Rows of a table that have another number of cells than their head. */
function brokenTables(markdown: string): string[] {
  const broken: string[] = [];
  let cells = 0;
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) {
      cells = 0;
      continue;
    }
    const count = line.replaceAll(/\\./g, "").split("|").length;
    if (cells === 0) cells = count;
    if (count !== cells) broken.push(line);
  }
  return broken;
}

test("all renderings tell the same verdict and the same loss", () => {
  const lossy = report({ ...syntheticRun(900), verdict: "held" });
  const failed = lossy.load.failed;
  expect(failed).toBeGreaterThan(0);
  for (const text of [renderHtml(lossy), renderMarkdown(lossy), renderText(lossy, { isColour: false })]) {
    expect(text.toLowerCase()).toContain("held");
    expect(text).toContain(`${failed} of 22,500 requests failed`);
    expect(text).toContain("New York went from");
  }
});

test("a void run gives its reason and no figures", () => {
  const empty = report({
    ...syntheticRun(),
    verdict: "void",
    voidReasons: ["the box stood still for 812 ms"],
  });
  for (const text of [renderHtml(empty), renderMarkdown(empty), renderText(empty, { isColour: false })]) {
    expect(text).toContain("the box stood still for 812 ms");
    expect(text).not.toContain("New York went from");
    expect(text).not.toMatch(/95 % bound|detected 4\.4|of 30 days/);
  }
});

test("a timing that was missed without --strict is marked, and not as a miss", () => {
  const base = syntheticRun();
  const late = {
    name: "times",
    state: "missed",
    isTiming: true,
    expected: "231 ms",
    measured: "300 ms",
  } as const;
  const document = report({ ...base, meta: { ...base.meta, isStrict: false }, steps: [late] });
  const text = renderText(document, { isColour: false });
  expect(text).toContain("! times (a time: counts with --strict only)");
  expect(text).not.toContain("✗");
  expect(renderHtml(document)).toContain("! (time)");
});

test("colour is written only when asked for", () => {
  expect(renderText(report(), { isColour: true })).toContain("\u001b[");
  expect(renderText(report(), { isColour: false })).not.toContain("\u001b");
});

test("the document survives a journey through JSON", () => {
  const document = report();
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  expect(document.schema).toBe("anycastle.failover/v1");
});

test("figures are rounded for people and never to a wrong claim", () => {
  expect(formatMs(34.06)).toBe("34.1");
  expect(formatMs(-0.01)).toBe("0.0");
  expect(formatMs(999.97)).toBe("1,000");
  expect(formatMs(null)).toBe("–");
  expect(formatDelta(-0.34)).toBe("−0.3");
  expect(formatDelta(197.9)).toBe("+197.9");
  expect(formatDelta(null)).toBe("");
  expect(formatBinUnit(340)).toBe("340 ms");
  expect(formatCount(1234567)).toBe("1,234,567");
  expect(formatCount(-1234)).toBe("-1,234");
  expect(formatPercent(0.9995)).toBe("99.95 %");
  // 999,999 of a million is not everything.
  expect(formatPercent(0.999999)).toBe("99.999 %");
  expect(formatPercent(1)).toBe("100 %");
  expect(formatPercent(0)).toBe("0 %");
  expect(formatPercent(3 / 22500)).toBe("0.013 %");
  expect(formatPercent(0.125)).toBe("12.5 %");
});
