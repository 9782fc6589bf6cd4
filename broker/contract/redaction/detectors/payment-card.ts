/** Payment card numbers: length and prefix of a card scheme, written as people write them, and right by Luhn. Pure. Source: ISO/IEC 7812. */
import { MOST_CANDIDATES, type RunDetector } from '../detector.ts';

/** In one piece, or in groups of 4, of 4-6-4 and 4-6-5, of 6-13, with the same separator; not part of an id or a fraction. */
const CANDIDATE =
  /(?<![A-Za-z0-9_-])(?<!\d\.)[2-6](?:\d{12,18}|\d{3}([ -])(?:\d{4}\1\d{4}\1\d{1,4}(?:\1\d{2,3})?|\d{6}\1\d{4,5})|\d{5}[ -]\d{13})(?![A-Za-z0-9_-])(?!\.\d)/g;
const SCHEME =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12,15}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12,15})$/;
/** Where the next candidate may begin behind one that is no card. */
const FIRST_GROUP = 4;

export const PAYMENT_CARD: RunDetector = {
  name: 'payment-card',
  doc: 'Payment card numbers of 13 to 19 digits, also in groups, that pass the Luhn check.',
  run: 'digits',
  findAll(text, report) {
    const candidates = new RegExp(CANDIDATE);
    let count = 0;
    for (let match = candidates.exec(text); match !== null; match = candidates.exec(text)) {
      count += 1;
      if (count > MOST_CANDIDATES) return report(match.index, text.length);
      const digits = match[0].replaceAll(/[ -]/g, '');
      if (SCHEME.test(digits) && passesLuhn(digits)) report(match.index, candidates.lastIndex);
      else candidates.lastIndex = match.index + FIRST_GROUP;
    }
  },
};

export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const doubled = index % 2 === 0 ? digit : digit * 2;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
