/** The simulator's HTML reports: one file, nothing fetched, nothing run, every name escaped, every share a pair. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { measureShares } from "#sim/anycast/shares.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import { equalWeights } from "#sim/anycast/weights.ts";
import { playDeath } from "#sim/change/one-death.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { mapProjection } from "../../../dashboard/map/projection.ts";
import { figuresOf } from "../../../cli/sim/compared-ways.ts";
import { catchmentReport, type ReportWorld } from "../../../cli/sim/report/catchment-report.ts";
import { changeReport, type ChangeReportInput } from "../../../cli/sim/report/change-report.ts";
import { compareReport } from "../../../cli/sim/report/compare-report.ts";
import { drawCurve, drawFollowed } from "../../../cli/sim/report/curve-drawing.ts";
import { drawMap } from "../../../cli/sim/report/map-drawing.ts";
import { placeOnMap } from "../../../cli/sim/report/place-on-map.ts";
import { renderReport } from "../../../cli/sim/report/report-page.ts";

const EVIL = `"><script>alert(1)</script>&'`;

function world(): ReportWorld {
  const graph = generateGraph(300, new Prng(1));
  return {
    graph,
    graphName: `graph ${EVIL}`,
    networkCount: graph.vertexCount,
    sites: [17, 120, 250].map((vertex, index) => ({
      site: index === 0 ? EVIL : `site-${index}`,
      vertex,
      prepends: index,
      isNoExport: false,
      isNoPeer: false,
      isBlackhole: false,
      capacity: index === 1 ? 40 : undefined,
      attachment: `AS ${graph.asn[vertex]} ${EVIL}`,
      city: undefined,
      coordinates: index === 2 ? undefined : { latitude: 40 - 60 * index, longitude: -74 + 200 * index },
    })),
  };
}

function sharesOf({ graph, sites }: ReportWorld) {
  return measureShares(new CatchmentSolver(graph).solveWithTies(sites), sites, equalWeights(graph));
}

function changeInput(): ChangeReportInput {
  const it = world();
  const shares = sharesOf(it);
  const points = [
    { atUs: 0, right: 0, wrong: 8, lost: 0, looping: 0 },
    { atUs: 2_000_000, right: 5, wrong: 1, lost: 1, looping: 1, followed: 3 },
    { atUs: 30_000_000, right: 8, wrong: 0, lost: 0, looping: 0 },
  ];
  return {
    world: it,
    title: `${EVIL} goes`,
    gone: 0,
    whom: EVIL,
    answer: EVIL,
    concerned: { name: EVIL, value: EVIL, note: EVIL },
    before: shares,
    after: shares,
    unit: EVIL,
    timing: EVIL,
    moments: [{ atUs: 300_000, label: EVIL }],
    followed: EVIL,
    runs: [
      {
        points,
        total: 8,
        convergedUs: new Map([
          [0.5, 2_000_000],
          [0.95, 30_000_000],
          [1, 30_000_000],
        ]),
        lostSeconds: 100,
        announcements: 12,
        withdrawals: 3,
      },
    ],
    seed: 7,
    command: `anycastle ${EVIL}`,
  };
}

const PAGES = [
  {
    name: "catchment",
    html: (): string => {
      const it = world();
      return renderReport(catchmentReport({ world: it, shares: sharesOf(it), unit: EVIL, command: EVIL }));
    },
  },
  { name: "change", html: (): string => renderReport(changeReport(changeInput())) },
];

/** Without a map: whom it compares may stand anywhere. */
const COMPARISON = {
  name: "comparison",
  html: (): string => {
    const { graph, sites } = world();
    const service = {
      graph,
      sites,
      solved: new CatchmentSolver(graph).solve(sites),
      routersFrom: graph.vertexCount,
      timing: { delayUs: [1, 1], mraiUs: [0, 0] } as const,
      servers: 2,
      detection: undefined,
      steering: { kind: "anycast" } as const,
      clients: [{ vertex: 40, rttUs: [1, 2, 3] }],
    };
    const runs = [playDeath(service, { at: 0, of: "server" }, new Prng(1))];
    const way = { name: EVIL, service, found: EVIL, runs, figures: figuresOf(runs) };
    return renderReport(compareReport({ title: EVIL, ways: [way], seed: 1, command: EVIL }));
  },
};

test.for([...PAGES, COMPARISON])(
  "$name: no script, no address, no name that is more than text",
  ({ html }) => {
    const page = html();
    expect(page).not.toContain("<script");
    expect(page).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;");
    expect(page).not.toMatch(/(?:https?:)?\/\/\w|\son\w+=|@import|url\((?!#)/);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).toContain("14 to 35 % of real routing decisions");
  },
);

test.for(PAGES)("$name: a map shows where", ({ html }) => {
  expect(html()).toContain('<path class="land"');
});

test.for([...PAGES, COMPARISON])(
  "$name: it is well formed: every element that is opened is closed in order",
  ({ html }) => {
    const open: string[] = [];
    for (const [, slash, name, self] of html().matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/gi)) {
      if (self === "/" || name === "meta") continue;
      if (slash === "") open.push(name!);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  },
);

test("a site's share is printed as certain to at most, on the bar, on the map and in the table", () => {
  const it = world();
  const shares = sharesOf(it);
  const html = renderReport(catchmentReport({ world: it, shares, unit: "", command: "" }));
  const { certain, ambiguous } = shares.sites[1]!;
  const low = ((100 * certain) / shares.total).toFixed(1);
  const high = ((100 * (certain + ambiguous)) / shares.total).toFixed(1);
  expect(ambiguous).toBeGreaterThan(0);
  expect(html).toContain(`aria-label="site-1: ${low} – ${high} %"`);
  expect(html).toContain(`<td class="number">${low} %</td><td class="number">${high} %</td>`);
  expect(html).toContain(`${Math.round(Number(low))}–${Math.round(Number(high))} %`);
});

test("a place is where the page's map has it", () => {
  const project = mapProjection();
  for (let latitude = -40; latitude <= 75; latitude += 5) {
    for (let longitude = -165; longitude <= 190; longitude += 5) {
      const [x, y] = project([longitude, latitude]) ?? [Number.NaN, Number.NaN];
      const own = placeOnMap({ latitude, longitude });
      // At the seam of the map either side is right.
      if (Math.abs(longitude - 194) < 1 || Math.abs(longitude + 166) < 1) continue;
      if (own === undefined) continue;
      expect(own.x, `${latitude} ${longitude}`).toBeCloseTo(x, 6);
      expect(own.y, `${latitude} ${longitude}`).toBeCloseTo(y, 6);
    }
  }
});

test("names on the map cover no other name", () => {
  const sites = Array.from({ length: 9 }, (_, index) => ({
    site: `site-${index}`,
    coordinates: { latitude: 22 + index / 10, longitude: 114 },
    certain: 0.05,
    atMost: 0.1,
  }));
  const at = [
    ...drawMap(sites)!.text.matchAll(/class="label" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"/g),
  ];
  expect(at.length).toBe(9);
  expect(new Set(at.map(([, , y, anchor]) => `${anchor} ${y}`)).size).toBe(9);
});

test("without coordinates there is no map, and without anybody affected no curve", () => {
  expect(drawMap([{ site: "a", coordinates: undefined, certain: 1, atMost: 1 }])).toBe(null);
  expect(drawCurve([{ points: [], total: 0 }], [])).toBe(null);
});

test("at every moment the areas of the curve add up to all packets", () => {
  const { runs } = changeInput();
  const { text } = drawCurve(runs, [])!;
  const bands = [...text.matchAll(/<path class="\w+" d="M([^"]+)Z"/g)].map(([, path]) => path!.split("L"));
  expect(bands.length).toBe(4);
  const top = bands.at(-1)!.slice(0, bands[0]!.length / 2);
  expect(new Set(top.map((point) => point.split(" ")[1]))).toEqual(new Set(["24"]));
});

test("who is followed has a scale of his own, a line that is the mean, and the runs' spread", () => {
  const run = (followed: number) => ({
    total: 1_000,
    points: [
      { atUs: 0, right: 1_000, wrong: 0, lost: 0, looping: 0, followed: 0 },
      { atUs: 1_000_000, right: 1_000, wrong: 0, lost: 0, looping: 0, followed },
      { atUs: 100_000_000, right: 1_000, wrong: 0, lost: 0, looping: 0, followed: 0 },
    ],
  });
  const { text } = drawFollowed([run(10), run(30)], [], "label")!;
  // The most is 3 %, so that the scale goes to 4 %.
  expect(text).toContain(">4 %</text>");
  expect(text).toContain(">0 %</text>");
  const heights = (name: string): number[][] =>
    [...text.matchAll(new RegExp(`class="${name}" d="M([^"]+)"`, "g"))].map(([, path]) =>
      path!.split("L").map((point) => Number(point.split(" ")[1])),
    );
  const [[mean], [least, most]] = [heights("followed"), heights("spread")];
  const [bottom, top] = [Math.max(...mean!), Math.min(...mean!)];
  expect((bottom - top) / (bottom - Math.min(...most!))).toBeCloseTo(20 / 30, 2);
  expect((bottom - Math.min(...least!)) / (bottom - Math.min(...most!))).toBeCloseTo(10 / 30, 2);
  expect(drawFollowed([run(0)], [], "nobody")).toBe(null);
});

test("a report without anybody to follow has no such part", () => {
  const { followed: _, ...rest } = changeInput();
  expect(renderReport(changeReport(rest))).not.toContain("How many ");
  expect(renderReport(changeReport({ ...rest, followed: "are served by la1" }))).toContain(
    "How many are served by la1",
  );
});
