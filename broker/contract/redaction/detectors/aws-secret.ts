/** A secret access key of AWS has no mark of its own; beside an access key id it has one. Pure. */
import { BASE64, DASH, DIGIT, endOfRun, isIn, LOWER, UNDERSCORE, UPPER } from '../characters.ts';
import type { Detector } from '../detector.ts';

const SECRET_CHARS = 40;
const ID_CHARS = 20;
/** How far behind the id it may stand. */
const REACH = 160;
const BODY = BASE64 & ~DASH & ~UNDERSCORE;

export const AWS_SECRET: Detector = {
  name: 'aws-secret',
  doc: 'Secret access keys of AWS that stand behind their access key id.',
  anchors: ['akia', 'asia'],
  find(text, at, after, report) {
    const idEnd = endOfRun(text, after, UPPER | DIGIT, at + ID_CHARS + 1);
    if (idEnd - at !== ID_CHARS) return after;
    const limit = Math.min(text.length, idEnd + REACH);
    for (let index = idEnd; index < limit; ) {
      if (!isIn(text, index, BODY)) {
        index += 1;
        continue;
      }
      const end = endOfRun(text, index, BODY, index + SECRET_CHARS + 1);
      if (end - index === SECRET_CHARS && endOfRun(text, index, LOWER) < end) report(index, end);
      index = end;
    }
    return idEnd;
  },
};
