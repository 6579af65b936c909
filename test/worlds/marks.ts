/**
 * What must come about in the worlds: a rule about something that never happens holds nothing. Counted, and looked at where enough
 * worlds were played.
 */
export const MARKS = [
  "hedged",
  "resumed",
  "deadline reached",
  "out by death",
  "out by silence",
  "out by answers",
  "back by checks",
  "back by a probe",
  "breaker open",
  "breaker half open",
  "waited in line",
  "turned away",
  "zone left",
  "rescued in another zone",
  "subset left",
  "refused as late",
  "limit moved",
  "limit measured",
] as const;

export type Mark = (typeof MARKS)[number];

/** So many worlds show each of them. */
export const WORLDS_FOR_MARKS = 300;
