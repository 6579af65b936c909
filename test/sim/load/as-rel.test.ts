/** AS relationships from bytes: what is read, what is refused and in which words, and that garbage is only ever refused. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "#core/errors.ts";
import { AsRelParser } from "#sim/load/as-rel-parser.ts";
import { loadAsRel } from "#sim/load/load-as-rel.ts";
import { RELATION, type AsGraph } from "#sim/topology/as-graph.ts";
import { dataFile, NO_DATA } from "../../../bench/shared-data.ts";

function parse(text: string | Uint8Array, cuts: readonly number[] = []): AsGraph {
  const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
  const parser = new AsRelParser("graph.txt");
  let from = 0;
  for (const cut of [...cuts].sort((x, y) => x - y)) {
    parser.push(bytes.subarray(from, Math.max(from, cut)));
    from = Math.max(from, cut);
  }
  parser.push(bytes.subarray(from));
  return parser.end();
}

/** Links as `a|b|relation`, a provider before its customer, peers by AS number. */
function linksOf(graph: AsGraph): string[] {
  const links: string[] = [];
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
      const neighbor = graph.neighbors[slot]!;
      const [a, b] = [graph.asn[vertex]!, graph.asn[neighbor]!];
      if (graph.relations[slot] === RELATION.customer) links.push(`${a}|${b}|-1`);
      if (graph.relations[slot] === RELATION.peer && a < b) links.push(`${a}|${b}|0`);
      expect(graph.neighbors[graph.reverse[slot]!]).toBe(vertex);
    }
  }
  return links.sort();
}

test("serial-1 and serial-2, comments, empty lines, CR LF, no new line at the end", () => {
  const serial1 = "# input clique: 174 3356\n174|3356|0\n\n174|64500|-1\n3356|4294967295|-1";
  const serial2 = "# source\r\n174|3356|0|bgp\r\n174|64500|-1|mlp\r\n3356|4294967295|-1|bgp,mlp\r\n";
  const wanted = ["174|3356|0", "174|64500|-1", "3356|4294967295|-1"].sort();
  expect(linksOf(parse(serial1))).toEqual(wanted);
  expect(linksOf(parse(serial2))).toEqual(wanted);
  expect([...parse(serial1).asn]).toEqual([174, 3356, 64_500, 4_294_967_295]);
});

test("chunks may be cut anywhere", () => {
  const text = "# c\n701|1239|0\n701|7018|-1\n1239|7018|0\n7018|64512|-1\n";
  const whole = linksOf(parse(text));
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
      expect(linksOf(parse(text, cuts))).toEqual(whole);
    }),
  );
});

const REFUSED: readonly { readonly text: string; readonly says: string }[] = [
  { text: "", says: "graph.txt holds no link" },
  { text: "# only a comment\n", says: "graph.txt holds no link" },
  { text: "1|2|0\nhello\n", says: 'graph.txt:2: "hello" is not a|b|relation' },
  { text: "1|2\n", says: 'graph.txt:1: "1|2" is not a|b|relation' },
  { text: "1|2|7\n", says: 'graph.txt:1: relation "7" is neither -1 (provider of) nor 0 (peer)' },
  { text: "1|2|\n", says: 'graph.txt:1: relation "" is neither -1 (provider of) nor 0 (peer)' },
  { text: "1|2|-11\n", says: 'graph.txt:1: relation "-11" is neither -1 (provider of) nor 0 (peer)' },
  { text: "1|x2|0\n", says: 'graph.txt:1: "x2" is no AS number' },
  { text: "|2|0\n", says: 'graph.txt:1: "" is no AS number: 1 to 4294967295' },
  { text: "0|2|0\n", says: 'graph.txt:1: "0" is no AS number: 1 to 4294967295' },
  { text: "1|4294967296|0\n", says: 'graph.txt:1: "4294967296" is no AS number: 1 to 4294967295' },
  { text: "1|99999999999|0\n", says: 'graph.txt:1: "99999999999" is no AS number' },
  { text: "1|2|0\n3|3|-1\n", says: "graph.txt:2: AS 3 is linked to itself" },
  { text: "1|2|0\n#\n2|1|0\n", says: "graph.txt:3: AS 1 and AS 2 are linked already in line 1" },
  {
    text: "1|2|-1\n2|1|-1\n",
    says: "graph.txt:2: AS 1 and AS 2 are linked already in line 1, and differently: AS 1 provider of AS 2, then AS 2 provider of AS 1",
  },
  {
    text: "1|2|0\n1|2|-1\n",
    says: "graph.txt:2: AS 1 and AS 2 are linked already in line 1, and differently: peers, then AS 1 provider of AS 2",
  },
  {
    text: "1|2|-1\n2|3|-1\n3|1|-1\n9|1|-1\n",
    says: "a cycle of providers: AS 1 sells to AS 2 sells to AS 3 sells to AS 1",
  },
  { text: `1|2|0\n${"x".repeat(5000)}`, says: "graph.txt:2: a line of more than 4096 bytes" },
  { text: "1|2|0\n\u0000\u0001|2|0\n", says: 'graph.txt:2: "??" is no AS number' },
];

test.for(REFUSED)("refused: $says", ({ text, says }) => {
  let thrown: unknown;
  try {
    parse(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(UserError);
  const { message, hint, exitCode } = thrown as UserError;
  expect(message).toContain(says);
  expect(exitCode).toBe(2);
  expect(hint).toMatch(/\S/);
});

test("bytes of any kind give a graph or a refusal, never anything else", () => {
  const line = fc.oneof(
    fc.tuple(fc.nat(40), fc.nat(40), fc.constantFrom("-1", "0", "1", "")).map((parts) => parts.join("|")),
    fc.string(),
  );
  const text = fc.array(line).map((lines) => Buffer.from(lines.join("\n"), "utf8"));
  fc.assert(
    fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 400 })), (bytes) => {
      try {
        expect(parse(bytes).vertexCount).toBeGreaterThan(1);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

/** `1|2|-1` and a new line, compressed by bzip2 1.0.8. */
const BZIP2 = Buffer.from("QlpoOTFBWSZTWQHL6voAAAHYgAAQAAIwAAAEIAAhg0GaCm1Di7kinChIAOX1fQA=", "base64");

test("plain, gzip and bzip2 files are told apart by their bytes; broken ones are refused", async () => {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-as-rel-"));
  const load = (name: string, bytes: Buffer | string): Promise<AsGraph> => {
    const path = join(directory, name);
    writeFileSync(path, bytes);
    return loadAsRel(path);
  };
  try {
    const text = "1|2|-1\n";
    for (const [name, bytes] of [
      ["a.bz2", text],
      ["b", gzipSync(text)],
      ["c.txt", BZIP2],
    ] as const) {
      expect(linksOf(await load(name, bytes))).toEqual(["1|2|-1"]);
    }
    await expect(load("d", gzipSync(text.repeat(1)).subarray(0, 20))).rejects.toThrow(/d cannot be read: /);
    // Cut off anywhere: in the words of the file's reader, not of the language's.
    for (const length of [4, 10, 14, 30]) {
      const cut = load("e", BZIP2.subarray(0, length));
      await expect(cut).rejects.toBeInstanceOf(UserError);
      await expect(cut).rejects.not.toThrow(/undefined|null|properties/);
    }
    await expect(load("f", "")).rejects.toThrow(/f holds no link/);
    await expect(loadAsRel(join(directory, "none"))).rejects.toThrow(/none cannot be read: ENOENT/);
    await expect(loadAsRel(directory)).rejects.toThrow(/cannot be read: EISDIR/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

const COUNTS = [
  { file: "19980101", ases: 3_233, links: 5_773, transit: 4_921, stubs: 2_566, tops: 80 },
  { file: "20110101", ases: 36_625, links: 105_495, transit: 69_388, stubs: 31_035, tops: 210 },
  { file: "20250901", ases: 78_638, links: 493_350, transit: 161_166, stubs: 66_238, tops: 481 },
];

test.for(COUNTS)("the Internet of $file has the counts its publishers give", async (wanted, context) => {
  const path = dataFile(`as-rel/${wanted.file}.as-rel.txt.gz`);
  if (path === undefined) return context.skip(NO_DATA);
  const graph = await loadAsRel(path);
  let transit = 0;
  let stubs = 0;
  let tops = 0;
  for (let vertex = 0; vertex < graph.vertexCount; vertex++) {
    let customers = 0;
    let providers = 0;
    for (let slot = graph.offsets[vertex]!; slot < graph.offsets[vertex + 1]!; slot++) {
      if (graph.relations[slot] === RELATION.customer) customers += 1;
      if (graph.relations[slot] === RELATION.provider) providers += 1;
    }
    transit += customers;
    if (customers === 0) stubs += 1;
    if (providers === 0) tops += 1;
  }
  const { vertexCount: ases, neighbors } = graph;
  expect({ file: wanted.file, ases, links: neighbors.length / 2, transit, stubs, tops }).toEqual(wanted);
});
