/** What a published revocation list says. Pure. */
import { bytesOf, decodeDer, itemsOf, timeOf } from './der.ts';

/** Of a list's life, after which the next one should be there. */
const RENEW_AFTER = 1 / 2;
const PEM = /-----BEGIN X509 CRL-----\s+([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/;

export interface RevocationList {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Lower hex without leading zeros. */
  readonly serials: ReadonlySet<string>;
}

/** Null for a text that is no list of ours: it is then written anew. Source: RFC 5280 §5.1. */
export function readRevocationList(pem: string): RevocationList | null {
  try {
    const base64 = PEM.exec(pem)?.[1] ?? '';
    const fields = itemsOf(itemsOf(decodeDer(Buffer.from(base64, 'base64')))?.[0]) ?? [];
    const thisUpdate = timeOf(fields[3]);
    const nextUpdate = timeOf(fields[4]);
    if (thisUpdate === null || nextUpdate === null) return null;
    const serials = (itemsOf(fields[5]) ?? []).flatMap((entry) => {
      const bytes = bytesOf(itemsOf(entry)?.[0], 'INTEGER');
      return bytes === null ? [] : [spelled(bytes.toString('hex'))];
    });
    return { thisUpdate, nextUpdate, serials: new Set(serials) };
  } catch {
    return null;
  }
}

export const isListWorn = ({ thisUpdate, nextUpdate }: RevocationList, at: Date): boolean =>
  at.getTime() >= thisUpdate.getTime() + (nextUpdate.getTime() - thisUpdate.getTime()) * RENEW_AFTER;

/** Does it name these certificates and no others? */
export const isListOf = ({ serials }: RevocationList, wanted: readonly string[]): boolean =>
  serials.size === new Set(wanted.map(spelled)).size &&
  wanted.every((serial) => serials.has(spelled(serial)));

const spelled = (hex: string): string => hex.replace(/^0+(?=.)/, '');
