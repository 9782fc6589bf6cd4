/** One pass over a text with all enabled built-in rules. Pure. */
import { type AnchorTable, buildAnchorTable, ROW_BITS } from './anchors.ts';
import { ANCHORED, IN_RUNS } from './builtin-rules.ts';
import { BASE64, classOfCode, DASH, DIGIT, LETTER, SPACE, UPPER } from './characters.ts';
import type { Detector, RunDetector } from './detector.ts';
import { SECRET_VALUE } from './detectors/secret-value.ts';
import { decodedRuns, LEAST_ENCODED } from './encoded.ts';
import { type Hit, MARKER_OPENING } from './hits.ts';

export interface Scan {
  readonly hits: readonly Hit[];
  /** What stands in for an earlier hit was seen. */
  readonly hasMarkers: boolean;
}

export type Scanner = (text: string) => Scan;

/** Base64 in base64 is opened, not more. */
const MOST_NESTING = 2;
const LEAST_CARD_DIGITS = 13;
/**
 * A text may make rules look so often, and be hit so often, before all the rest of it is hidden: what bounds the time of a
 * text made to be slow. 16,384 characters of words reach neither.
 */
const MOST_QUESTIONS = 8192;
const MOST_HITS = 8192;
const NOTHING: Scan = { hits: [], hasMarkers: false };

interface Plan {
  readonly table: AnchorTable;
  readonly detectors: readonly Detector[];
  readonly runs: readonly RunDetector[];
  /** Per anchor. */
  readonly owner: Uint8Array;
  readonly lengths: Uint8Array;
}

/** @param disabled names of built-in rules. */
export function createScanner(disabled: ReadonlySet<string>): Scanner {
  const detectors = ANCHORED.filter(({ name }) => !disabled.has(name));
  const runs = IN_RUNS.filter(({ name }) => !disabled.has(name));
  const anchors = detectors.flatMap((detector, index) =>
    detector.anchors.map((anchor) => ({ anchor, index })),
  );
  const words = [...anchors.map(({ anchor }) => anchor), MARKER_OPENING];
  const plan: Plan = {
    table: buildAnchorTable(words),
    detectors,
    runs,
    owner: Uint8Array.from([...anchors.map(({ index }) => index), detectors.length]),
    lengths: Uint8Array.from(words, (word) => word.length),
  };
  return (text) => scan(plan, text, 0);
}

/** What the walk over the characters leaves for later. */
interface Walk {
  readonly hits: Hit[];
  hasMarkers: boolean;
  /** Per detector, where it may be asked again. */
  resume: Int32Array | null;
  questions: number;
}

const HAS_DIGITS = 1;
const HAS_ENCODED = 2;
const HAS_IBAN = 4;
/** Two capitals and two digits at the start of a word: three bits each, the latest last. */
const IBAN_START = 0o01122;

function scan(plan: Plan, text: string, depth: number): Scan {
  const walk: Walk = { hits: [], hasMarkers: false, resume: null, questions: 0 };
  const found = walkOver(plan, text, walk);
  if (found === 0 && walk.hits.length === 0) return walk.hasMarkers ? walk : NOTHING;
  for (const detector of plan.runs) {
    if ((found & (detector.run === 'digits' ? HAS_DIGITS : HAS_IBAN)) === 0) continue;
    detector.findAll(text, (start, end) => walk.hits.push({ rule: detector.name, start, end }));
  }
  if ((found & HAS_ENCODED) !== 0 && depth < MOST_NESTING) {
    for (const { start, end, decoded } of decodedRuns(text)) {
      const rule = decoded === null ? SECRET_VALUE.name : scan(plan, decoded, depth + 1).hits[0]?.rule;
      if (rule !== undefined) walk.hits.push({ rule, start, end });
    }
  }
  return walk;
}

/** Asks the detectors at their anchors; returns which runs are worth a second look. */
function walkOver(plan: Plan, text: string, walk: Walk): number {
  const { next, classes, hasOutput } = plan.table;
  let row = 0;
  let digits = 0;
  let encoded = 0;
  let history = 0;
  let found = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 128) {
      row = 0;
      digits = 0;
      encoded = 0;
      history = 0;
      continue;
    }
    row = next[row + (classes[code] as number)] as number;
    if (hasOutput[row >> ROW_BITS] === 1) {
      askDetectors(plan, text, { row, end: index + 1 }, walk);
      if (walk.questions > MOST_QUESTIONS || walk.hits.length > MOST_HITS)
        return hideRest(plan, text, index, walk);
    }
    const kind = classOfCode(code);
    if ((kind & DIGIT) !== 0) {
      digits += 1;
      if (digits === LEAST_CARD_DIGITS) found |= HAS_DIGITS;
      history = ((history << 3) | 2) & 0o77777;
      if (history === IBAN_START) found |= HAS_IBAN;
    } else {
      if ((kind & (SPACE | DASH)) === 0) digits = 0;
      history = (history << 3) | ((kind & UPPER) !== 0 ? 1 : (kind & LETTER) !== 0 ? 3 : 0);
    }
    if ((kind & BASE64) === 0) encoded = 0;
    else {
      encoded += 1;
      if (encoded === LEAST_ENCODED) found |= HAS_ENCODED;
    }
  }
  return found;
}

function hideRest(plan: Plan, text: string, start: number, { hits }: Walk): number {
  const rule = hits.at(-1)?.rule ?? plan.detectors[0]?.name ?? SECRET_VALUE.name;
  hits.push({ rule, start, end: text.length });
  return HAS_DIGITS | HAS_ENCODED | HAS_IBAN;
}

function askDetectors(plan: Plan, text: string, place: { row: number; end: number }, walk: Walk): void {
  for (const anchor of plan.table.outputs[place.row >> ROW_BITS] as readonly number[]) {
    const owner = plan.owner[anchor] as number;
    const detector = plan.detectors[owner];
    if (detector === undefined) {
      walk.hasMarkers = true;
      continue;
    }
    walk.resume ??= new Int32Array(plan.detectors.length);
    const at = place.end - (plan.lengths[anchor] as number);
    if (at < (walk.resume[owner] as number)) continue;
    walk.questions += 1;
    walk.resume[owner] = detector.find(text, at, place.end, (start, end) =>
      walk.hits.push({ rule: detector.name, start, end }),
    );
  }
}
