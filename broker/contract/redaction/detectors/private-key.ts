/** Private keys in PEM and OpenPGP armour; certificates and public keys stay. Pure. Source: RFC 7468. */
import type { Detector } from '../detector.ts';

const LABEL = /^-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/;
const CLOSING = /-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** A label is at most this long. */
const LABEL_CHARS = 110;
/** What a key may consist of, also in JSON (`\n`) and behind the prefixes of armour headers. */
const BODY = /[A-Za-z0-9+/=\s\\:,-]*/y;

export const PRIVATE_KEY: Detector = {
  name: 'private-key',
  doc: 'Private keys in PEM, also cut off and with escaped line ends.',
  anchors: ['-----begin '],
  find(text, at, after, report) {
    if (!LABEL.test(text.slice(at, at + LABEL_CHARS))) return after;
    CLOSING.lastIndex = after;
    const closing = CLOSING.exec(text);
    const end = closing === null ? endOfBody(text, after) : closing.index + closing[0].length;
    report(at, end);
    return end;
  },
};

function endOfBody(text: string, from: number): number {
  BODY.lastIndex = from;
  return from + (BODY.exec(text)?.[0].length ?? 0);
}
