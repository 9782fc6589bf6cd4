/** International bank account numbers whose check digits are right. Pure. Source: ISO 13616. */
import { MOST_CANDIDATES, type RunDetector } from '../detector.ts';

const CANDIDATE = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g;
/** Length by country. Source: IBAN registry, release 99. */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 ' +
    'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 ' +
    'LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ' +
    'ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

export const IBAN: RunDetector = {
  name: 'iban',
  doc: 'International bank account numbers with right check digits.',
  run: 'iban',
  findAll(text, report) {
    let count = 0;
    for (const match of text.matchAll(CANDIDATE)) {
      count += 1;
      if (count > MOST_CANDIDATES) return report(match.index, text.length);
      const account = match[0].replaceAll(' ', '');
      if (LENGTHS.get(account.slice(0, 2)) !== account.length || remainder97(account) !== 1) continue;
      report(match.index, match.index + match[0].length);
    }
  },
};

function remainder97(account: string): number {
  let rest = 0;
  for (const char of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}
