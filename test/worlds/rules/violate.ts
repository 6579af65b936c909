/** Says what must not have been. */
export type Violate = (what: string) => void;
