/** World documents: what they say about vantages, and that whatever else they hold is only ever refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { estimateRttUs } from "#core/geography/coordinates.ts";
import { rttUs } from "#core/geography/rtt.ts";
import { openWorld } from "#sim/load/open-world.ts";
import { worldDocumentSchema, type WorldDocumentInput } from "#sim/load/world-document.ts";

const SMALL: WorldDocumentInput = {
  graph: { links: ["10|20|0", "10|11|-1", "20|21|-1"] },
  sites: [
    { id: "ny1", as: 11 },
    { id: "la1", as: 21 },
  ],
};

const NORTH = { latitude: 60, longitude: 10 };
const SOUTH = { latitude: -30, longitude: 20 };

test("a round trip is what the document says, else what was measured, else what distance suggests", async () => {
  const document = worldDocumentSchema.parse({
    ...SMALL,
    sites: [
      { id: "ny1", as: 11 },
      { id: "la1", as: 21 },
      { id: "south", as: 20, coordinates: SOUTH },
    ],
    vantages: [
      { id: "london", as: 10, rttMs: { la1: 12.5 } },
      { id: "fjord", as: 10, coordinates: NORTH },
      { id: "nowhere", as: 10 },
    ],
  });
  const { vantages } = await openWorld(document, ".");
  expect(vantages[0]).toMatchObject({ city: "London", as: 10 });
  expect(vantages[0]!.rttUs.slice(0, 2)).toEqual([rttUs("london", "ny1"), 12_500]);
  expect(vantages[1]!.rttUs[2]).toBe(estimateRttUs(NORTH, SOUTH));
  expect(vantages[2]!.rttUs).toEqual([undefined, undefined, undefined]);
});

test("coordinates of one's own mean another place than the map's, even under a city's name", async () => {
  const document = worldDocumentSchema.parse({
    ...SMALL,
    vantages: [{ id: "london", as: 10, coordinates: NORTH }],
  });
  const [london] = (await openWorld(document, ".")).vantages;
  expect(london!.rttUs[0]).toBe(estimateRttUs(NORTH, { latitude: 40.7143, longitude: -74.006 }));
});

const REFUSED: readonly { readonly what: string; readonly document: object; readonly says: RegExp }[] = [
  { what: "no site", document: { ...SMALL, sites: [] }, says: /sites/ },
  {
    what: "twins",
    document: { ...SMALL, vantages: [vantage("a"), vantage("a")] },
    says: /two vantages have the same id/,
  },
  {
    what: "a distance to nobody",
    document: { ...SMALL, vantages: [{ ...vantage("a"), rttMs: { mars: 1 } }] },
    says: /there is no site \\"mars\\"; sites are ny1, la1/,
  },
  {
    what: "timers backwards",
    document: { ...SMALL, timers: { delayMs: [2, 1], mraiMs: [0, 0] } },
    says: /smaller/,
  },
  { what: "an unknown set of timers", document: { ...SMALL, timers: "quick" }, says: /fitted-2011/ },
  {
    what: "off the Earth",
    document: { ...SMALL, vantages: [{ ...vantage("a"), coordinates: { latitude: 91, longitude: 0 } }] },
    says: /latitude/,
  },
  { what: "nine servers a site", document: { ...SMALL, nodes: 9 }, says: /nodes/ },
];

function vantage(id: string): { id: string; as: number } {
  return { id, as: 10 };
}

test.for(REFUSED)("refused: $what", ({ document, says }) => {
  const { error } = worldDocumentSchema.safeParse(document);
  expect(JSON.stringify(error?.issues)).toMatch(says);
});

test("an AS that the graph does not have is named, with who asked for it", async () => {
  const document = worldDocumentSchema.parse({ ...SMALL, vantages: [{ id: "a", as: 99 }] });
  await expect(openWorld(document, ".")).rejects.toMatchObject({
    code: "WORLD_INVALID",
    message: "vantage a: the graph has no AS 99",
  });
});

test("a graph written into the document is read like a file of one", async () => {
  const document = worldDocumentSchema.parse({ ...SMALL, graph: { links: ["10|11|-1", "10|11|0"] } });
  await expect(openWorld(document, ".")).rejects.toMatchObject({
    message:
      "graph.links:2: AS 10 and AS 11 are linked already in line 1, and differently: AS 10 provider of AS 11, then peers",
  });
});

test("any document at all is opened or refused, never anything else", async () => {
  const keys = ["graph", "sites", "vantages", "timers", "id", "as", "links", "rttMs", "nodes", "upstreams"];
  const part = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.integer({ min: -5, max: 70_000 }),
      fc.constantFrom("10|20|0", "a", "", null, true),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie("any"), { maxKeys: 4 }),
    ),
  })).any;
  const near = fc.record(
    {
      ...Object.fromEntries(keys.slice(2, 4).map((key) => [key, part])),
      graph: fc.constant(SMALL.graph),
      sites: fc.oneof(fc.constant(SMALL.sites), part),
    },
    { requiredKeys: ["graph", "sites"] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(part, near), async (written) => {
      const checked = worldDocumentSchema.safeParse(written);
      if (!checked.success) return;
      await openWorld(checked.data, ".").catch((error: unknown) => {
        expect(error).toHaveProperty("exitCode", 2);
      });
    }),
    { numRuns: 400 },
  );
});
