/** `subsets`: nodes by their labels, for path patterns. */
import { z } from "zod";
import { WHOLE } from "../balancer/balancer.ts";
import { subsetChains } from "../routing/subset-choice.ts";
import { id } from "./id.ts";

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?$/;
const LABEL_EXPECTED = "is letters, digits and ._/- within, at most 64";
/** Each is looked for at each node when a configuration is read, and has balancers of its own at each site. */
const SUBSETS_MAX = 32;
const LABELS_MAX = 32;
/** What `fallback` may say beside the id of a subset. */
const NO_NAMES = ["any", "fail"];

export const labelsSchema = z
  .record(
    z.string().regex(LABEL, `a label's name ${LABEL_EXPECTED}`),
    z.string().regex(LABEL, `a label's value ${LABEL_EXPECTED}`).describe("Value of the label."),
  )
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`);

const subsetSchema = z.strictObject({
  id: id("the subset").refine(
    (text) => !NO_NAMES.includes(text),
    "`any` and `fail` have a meaning of their own",
  ),
  labels: labelsSchema
    .refine((labels) => Object.keys(labels).length > 0, "needs one label at least")
    .describe("Nodes that have all of these labels."),
  fallback: z
    .string()
    .default("fail")
    .describe(
      "When nobody of it may be asked at any site: `fail`, nobody else is; `any`, all nodes are; or the id of another subset.",
    ),
});

export const subsetsSchema = z
  .array(subsetSchema)
  .max(SUBSETS_MAX)
  .default([])
  .describe("Parts of the nodes of each site, by their labels, that path patterns send requests to.");

type Sections = z.output<typeof subsetsSchema>;

/** Per subset what is wrong with its place among the others: twice there, an unknown fallback, one that goes round. */
export function subsetIssues(sections: Sections): { readonly path: string; readonly message: string }[] {
  const ids = sections.map((section) => section.id);
  const chains = subsetChains(sections);
  return sections.flatMap(({ id: own, fallback }, index) => {
    if (ids.indexOf(own) !== index)
      return [{ path: `${index}.id`, message: `there is a subset "${own}" before it` }];
    if (!NO_NAMES.includes(fallback) && !ids.includes(fallback)) {
      const message = `there is no subset "${fallback}": say \`fail\`, \`any\`, or one of ${ids.join(", ")}`;
      return [{ path: `${index}.fallback`, message }];
    }
    const last = chains[index]!.at(-1)!;
    if (last === WHOLE || sections[last]!.fallback === "fail") return [];
    const message = `the fallbacks of "${own}" go round: one of them must say \`fail\` or \`any\``;
    return [{ path: `${index}.fallback`, message }];
  });
}
