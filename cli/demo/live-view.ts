/**
 * The live table in a terminal: redrawn when something has happened, at most every `REDRAW_MS`, on the terminal's
 * second page, so that what was on the screen is there again afterwards. The terminal is put back whichever way the
 * process ends, as long as it runs any code at all.
 */
import { messageOf, UserError } from "#core/errors.ts";
import { after, every, type Timer } from "#core/host/clock.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { FAULT_HOWS, type FaultHow } from "#core/wire/faults.ts";
import type { Lab } from "#lab/lab.ts";
import { eventLine } from "../event-line.ts";
import type { Paint, Style } from "../output.ts";
import type { ArmedTarget } from "../status-tables.ts";
import { TextLine } from "../text-line.ts";
import type { DemoMeasurer } from "./demo-measurer.ts";
import { readKeys, type Key } from "./keys.ts";
import { drawScreen, type Counters } from "./screen.ts";

const REDRAW_MS = 50;
/** Events kept for the tail: more than any terminal has rows. */
const TAIL_MAX = 300;
/** What the key turns on; the page has a choice. */
const LOAD_RATE = 200;
const DEFAULT_SIZE = { columns: 80, rows: 24 };

const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const ERASE_LINE_END = "\u001b[K";
const ERASE_BELOW = "\u001b[J";

export interface LiveViewOptions {
  readonly lab: Lab;
  readonly measurer: DemoMeasurer;
  readonly paint: Paint;
  readonly leave: (reason: "SIGINT" | "quit") => void;
}

export class LiveView {
  readonly #options: LiveViewOptions;
  readonly #tail: TextLine[] = [];
  readonly #ttfbMs = new Map<string, number>();
  readonly #originNs: number;
  readonly #stops: (() => void)[] = [];
  #counters: Counters = { requests: 0, perSecond: 0, failed: 0, rescued: 0, hedged: 0, resets: 0 };
  #requestsInSecond = 0;
  #armed: ArmedTarget | undefined;
  #how: FaultHow = "kill";
  #message: TextLine | undefined;
  #isHelp = false;
  #isClosed = false;
  #redraw: Timer | undefined;

  constructor(options: LiveViewOptions) {
    this.#options = options;
    const { journal } = options.lab;
    const known = journal.since(0);
    this.#originNs = known[0]?.atNs ?? 0;
    for (const event of known) this.#hear(event);
    this.#stops.push(journal.subscribe((event) => this.#hear(event)));
    const second = every(1000, () => this.#closeSecond(), { unref: true });
    this.#stops.push(() => second.cancel());
    this.#openTerminal();
    this.#showLink();
    this.#draw();
  }

  /** Puts the terminal back. What happens afterwards is not shown. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#redraw?.cancel();
    for (const stop of this.#stops) stop();
    process.stdout.write(LEAVE);
  }

  #openTerminal(): void {
    const { stdin, stdout } = process;
    stdout.write(ENTER);
    const close = (): void => this.close();
    process.on("exit", close);
    const resize = (): void => this.#changed();
    stdout.on("resize", resize);
    this.#stops.push(
      () => process.off("exit", close),
      () => stdout.off("resize", resize),
    );
    if (!stdin.isTTY) return;
    const typed = (chunk: Buffer): void => {
      for (const key of readKeys(chunk.toString("utf8"))) this.#press(key);
    };
    stdin.setRawMode(true);
    stdin.on("data", typed);
    this.#stops.push(() => {
      stdin.off("data", typed);
      stdin.setRawMode(false);
      stdin.pause();
    });
  }

  // What happens.

  #hear(event: JournalEvent): void {
    if (event.kind === "gateway.window") {
      const { requests, failed, rescued, hedged, resets } = this.#counters;
      this.#requestsInSecond += event.requests;
      this.#counters = {
        ...this.#counters,
        requests: requests + event.requests,
        failed: failed + event.failed,
        rescued: rescued + event.rescued,
        hedged: hedged + event.hedged,
        resets: resets + event.resets,
      };
      if (event.requests > 0) this.#changed();
      return;
    }
    if (event.kind === "test.row") {
      if (event.ttfbMs === null) this.#ttfbMs.delete(event.vantage);
      else this.#ttfbMs.set(event.vantage, event.ttfbMs);
    }
    const line = eventLine(event, this.#originNs);
    if (line !== undefined) {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_MAX) this.#tail.shift();
    }
    this.#changed();
  }

  #closeSecond(): void {
    const perSecond = this.#requestsInSecond;
    this.#requestsInSecond = 0;
    if (perSecond === this.#counters.perSecond) return;
    this.#counters = { ...this.#counters, perSecond };
    this.#changed();
  }

  #changed(): void {
    if (this.#redraw !== undefined || this.#isClosed) return;
    this.#redraw = after(REDRAW_MS, () => {
      this.#redraw = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    if (this.#isClosed) return;
    const { stdout } = process;
    // A terminal that does not take what it gets has shown nothing yet of what was drawn: draw again later.
    if (stdout.writableNeedDrain) return this.#changed();
    const columns = stdout.columns || DEFAULT_SIZE.columns;
    const rows = stdout.rows || DEFAULT_SIZE.rows;
    const lines = drawScreen(
      {
        status: this.#options.lab.status(),
        armed: this.#armed,
        how: this.#how,
        ttfbMsOf: (vantage) => this.#ttfbMs.get(vantage),
        counters: this.#counters,
        message: this.#message,
        tail: this.#tail,
        isHelp: this.#isHelp,
      },
      { columns, rows },
    );
    const text = lines.map((line) => `${line.render(this.#options.paint, columns)}${ERASE_LINE_END}`);
    stdout.write(`${HOME}${text.join("\r\n")}${ERASE_BELOW}`);
  }

  // Keys.

  #press(key: Key): void {
    switch (key.do) {
      case "arm":
        this.#arm(key.siteIndex);
        break;
      case "disarm":
        this.#armed = undefined;
        break;
      case "cycle":
        this.#how = FAULT_HOWS[(FAULT_HOWS.indexOf(this.#how) + 1) % FAULT_HOWS.length]!;
        break;
      case "fail":
        this.#fail();
        break;
      case "drain":
        this.#drain();
        break;
      case "revive":
        this.#revive();
        break;
      case "test":
        this.#test();
        break;
      case "load":
        this.#load();
        break;
      case "page":
        this.#showLink();
        break;
      case "help":
        this.#isHelp = !this.#isHelp;
        break;
      case "interrupt":
        this.#options.leave("SIGINT");
        return;
      case "quit":
        this.#options.leave("quit");
        return;
    }
    this.#changed();
  }

  /** The same digit again goes through the nodes of the site and back to the whole of it. */
  #arm(siteIndex: number): void {
    const site = this.#options.lab.status().sites[siteIndex];
    if (site === undefined) return;
    const nodes = [undefined, ...site.nodes.map(({ node }) => node)];
    const isSame = this.#armed?.site === site.site;
    const next = isSame ? (nodes.indexOf(this.#armed?.node) + 1) % nodes.length : 0;
    this.#armed = { site: site.site, node: nodes[next] };
  }

  #fail(): void {
    const target = this.#takeArmed();
    if (target === undefined) return;
    const how = this.#how;
    this.#run(`${how} ${target}`, async ({ lab }) => {
      await lab.fail({ target, how });
    });
  }

  #drain(): void {
    const target = this.#takeArmed();
    if (target === undefined) return;
    this.#run(`drain ${target}`, async ({ lab }) => {
      await lab.drain({ target });
    });
  }

  #revive(): void {
    const target = this.#armed?.node ?? this.#armed?.site;
    this.#armed = undefined;
    if (target === undefined) this.#run("revive all", async ({ lab }) => void (await lab.reset()));
    else this.#run(`revive ${target}`, async ({ lab }) => void (await lab.revive({ target })));
  }

  #test(): void {
    const { vantages } = this.#options.lab.places;
    this.#run(`test from ${vantages.length} cities`, ({ measurer }) => measurer.test());
  }

  #load(): void {
    const { measurer } = this.#options;
    if (measurer.isLoading) this.#run("load off", () => measurer.stopLoad());
    else this.#run(`load on, ${LOAD_RATE} requests/s`, () => measurer.startLoad(LOAD_RATE));
  }

  /** A new one each time: a link is good once. */
  #showLink(): void {
    this.#say(`page  ${this.#options.lab.pageLink()}`, "cyan");
  }

  #takeArmed(): string | undefined {
    const target = this.#armed?.node ?? this.#armed?.site;
    this.#armed = undefined;
    if (target === undefined) this.#say("arm a site first: type its number", "yellow");
    return target;
  }

  /** Says that it goes on, and how it ended; a refusal is the lab's own sentence. */
  #run(what: string, action: (options: LiveViewOptions) => Promise<void>): void {
    this.#say(`${what} …`, "dim");
    action(this.#options).then(
      () => this.#say(`${what}: done`, "green"),
      (error: unknown) => {
        const hint = error instanceof UserError && error.hint !== undefined ? ` (${error.hint})` : "";
        this.#say(`${what}: ${messageOf(error)}${hint}`, "red");
      },
    );
  }

  #say(text: string, style: Style): void {
    this.#message = new TextLine().add(text, style);
    this.#changed();
  }
}
