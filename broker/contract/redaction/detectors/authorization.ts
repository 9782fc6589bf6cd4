/** What stands in Authorization headers, wherever they are written, and behind a bare Bearer or Basic. Pure. Source: RFC 9110 §11. */
import { ALNUM, classesOf, DIGIT, endOfRun, isIn, isWordStart, LETTER, SPACE, WORD } from '../characters.ts';
import type { Detector } from '../detector.ts';

const TOKEN = WORD | 32 | 64;
const LEAST_TOKEN = 8;
/** `a:bb` in base64. */
const LEAST_BARE = 12;
const HEADER =
  /(?:\\{0,3}["'])?\s{0,4}[:=]\s{0,4}(?:\\{0,3}["'])?\s{0,4}\[?(?:\\{0,3}["'])?(bearer|basic|token|apikey|digest|negotiate|ntlm|hawk|oauth|aws4-hmac-sha256|sharedaccesssignature)(?:\s{1,4}|%20|\+)/iy;

export const AUTHORIZATION: Detector = {
  name: 'authorization',
  doc: 'Authorization headers, and tokens behind Bearer or Basic.',
  anchors: ['authorization', 'bearer', 'basic'],
  find(text, at, after, report) {
    if (after - at > 6) return findHeader(text, after, report);
    return isWordStart(text, at) ? findBare(text, after, report) : after;
  },
};

function findHeader(text: string, after: number, report: (start: number, end: number) => void): number {
  HEADER.lastIndex = after;
  const match = HEADER.exec(text);
  if (match === null) return after;
  const start = after + match[0].length;
  const isList = /digest|hawk|oauth|aws4|shared/i.test(match[1] ?? '');
  const end = isList ? endOfList(text, start) : endOfCredentials(text, start);
  if (end - start < LEAST_TOKEN && !isIn(text, end - 1, ALNUM)) return start;
  report(start, end);
  return end;
}

/** Parameters go on to the end of the line. */
function endOfList(text: string, start: number): number {
  const rest = /[\r\n]/g;
  rest.lastIndex = start;
  return rest.exec(text)?.index ?? text.length;
}

function endOfCredentials(text: string, start: number): number {
  let end = start;
  while (end < text.length && !isIn(text, end, SPACE) && !/["'\\<>,;]/.test(text[end] ?? '')) end += 1;
  return end;
}

function findBare(text: string, after: number, report: (start: number, end: number) => void): number {
  const start = text.startsWith('%20', after)
    ? after + 3
    : endOfRun(text, after, SPACE, Math.min(text.length, after + 4));
  if (start === after) return after;
  let end = endOfRun(text, start, TOKEN);
  while (text[end] === '=' && end < text.length) end += 1;
  const classes = classesOf(text, start, end);
  if (end - start < LEAST_BARE || (classes & LETTER) === 0) return Math.max(end, after);
  const isOpaque =
    (classes & DIGIT) !== 0 ||
    ((classes & LETTER) === LETTER && !/^[A-Z]?[a-z]+$|\//.test(text.slice(start, end)));
  if (isOpaque) report(start, end);
  return end;
}
