/** The position of a site that a person named; a near miss is suggested. */
import { UserError } from "#core/errors.ts";
import { suggest } from "#core/suggest.ts";

export function positionOf(sites: readonly { readonly site: string }[], name: string): number {
  const names = sites.map(({ site }) => site);
  const position = names.indexOf(name);
  if (position !== -1) return position;
  const near = suggest(name, names);
  throw new UserError("SITE_UNKNOWN", `there is no site "${name}"`, {
    hint: near === undefined ? `sites are ${names.join(", ")}` : `did you mean "${near}"?`,
  });
}

/** The same of a site that is to go: another must be left. */
export function positionToLose(sites: readonly { readonly site: string }[], name: string): number {
  if (sites.length > 1) return positionOf(sites, name);
  throw new UserError("SITES_MIN", "the only site cannot be lost: nobody would be left to go to", {
    hint: "give another --site",
  });
}
