/** What every built-in rule is made of: literal anchors that the scan finds, and a look around each of them. Pure. */

/** A part of a text to hide. UTF-16 units, end excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Report = (start: number, end: number) => void;

export interface Detector {
  readonly name: string;
  /** One sentence for people who read the list of rules. */
  readonly doc: string;
  /** Lower-case ASCII; found in any case. `find` is asked wherever one of them stands. */
  readonly anchors: readonly string[];
  /**
   * Looks around the anchor at [at, after) and reports what to hide. Returns where it may be asked again, ≥ `at`: anchors
   * that begin before it are passed over, which keeps the whole scan linear.
   */
  readonly find: (text: string, at: number, after: number, report: Report) => number;
}

/** The same, for what no literal announces: asked once for a text whose runs of digits or letters are long enough. */
export interface RunDetector {
  readonly name: string;
  readonly doc: string;
  readonly run: 'digits' | 'iban';
  readonly findAll: (text: string, report: Report) => void;
}

/** Candidates in one text that are looked at closely; what lies behind is hidden. More than 16,384 characters can hold. */
export const MOST_CANDIDATES = 8192;
