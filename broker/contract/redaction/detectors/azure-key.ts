/** Client secrets of Azure and signatures of its shared access addresses. Pure. */
import { ALNUM, DASH, DIGIT, DOT, endOfRun, isIn, LETTER, startOfRun, UNDERSCORE } from '../characters.ts';
import type { Detector } from '../detector.ts';

const SECRET = ALNUM | DOT | UNDERSCORE | DASH;
const LEAST_SIGNATURE = 30;

export const AZURE_KEY: Detector = {
  name: 'azure-key',
  doc: 'Client secrets of Azure, and signatures of shared access addresses.',
  anchors: ['7q~', '8q~', 'sig=', 'signature='],
  find(text, at, after, report) {
    return text[after - 1] === '='
      ? findSignature(text, at, after, report)
      : findSecret(text, at, after, report);
  },
};

/** Three characters and a digit before, 31 to 34 behind the tilde. */
function findSecret(
  text: string,
  at: number,
  after: number,
  report: (start: number, end: number) => void,
): number {
  const start = startOfRun(text, at, SECRET, Math.max(0, at - 3));
  let end = endOfRun(text, after, SECRET, after + 40);
  while (text[end] === '~' && end < after + 40) end = endOfRun(text, end + 1, SECRET, after + 40);
  if (at - start !== 3 || end - after < 31 || end - after > 34 || text[at + 1] !== 'Q') return after;
  report(start, end);
  return end;
}

function findSignature(
  text: string,
  at: number,
  after: number,
  report: (start: number, end: number) => void,
): number {
  if (isIn(text, at - 1, LETTER)) {
    const word = startOfRun(text, at, LETTER, Math.max(0, at - 12));
    if (!/^(?:x-)?(?:amz-)?$/i.test(text.slice(word, at))) return after;
  }
  let end = after;
  while (
    end < text.length &&
    (isIn(text, end, ALNUM | DASH | UNDERSCORE | 64) || text[end] === '%' || text[end] === '=')
  )
    end += 1;
  let hasDigit = false;
  for (let index = after; index < end && !hasDigit; index += 1) hasDigit = isIn(text, index, DIGIT);
  if (end - after < LEAST_SIGNATURE || !hasDigit) return end;
  report(after, end);
  return end;
}
