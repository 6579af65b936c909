/** What the build puts in: `scripts/page-config.ts`. */
declare module "virtual:land" {
  /** Natural Earth's outline of the land as an SVG path, in the coordinates of `map/projection.ts`. */
  export const LAND: string;
}

declare module "*.css";
