/** What a world may hold. Without imports: the command line names these bounds before anything else is loaded. */

/** AS numbers are 32 bits (RFC 6793). */
export const AS_MAX = 0xffff_ffff;
/** Generated Internets; the generator's parameters were fitted for 1,000 to 10,000. */
export const GENERATED_MIN = 100;
export const GENERATED_MAX = 100_000;
/** Sites of one service: each is a bit where ties are told. */
export const SITES_MAX = 32;
/** Far more than operators use; many routers refuse paths of that length. */
export const PREPENDS_MAX = 50;
/** Sites of which all combinations are tried: 2^16 solves take minutes on the whole Internet, and the table 8 MB. */
export const COMBINED_SITES_MAX = 16;
