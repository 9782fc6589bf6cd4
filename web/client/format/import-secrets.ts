/** What an import gave out once, as a CSV file for whoever flashes or ships the machines. Pure. */
import type { ImportResult } from '#web-api';

export const IMPORT_TEMPLATE =
  'device_name,device_type,hardware_id,tags,groups,metadata.site\nstore-014,uc1-pro,9f2c1b7e,retail;berlin,,Berlin Mitte\n';

/** Rows that got nothing are left out; null where none did. */
export function secretsCsv(
  rows: ImportResult['rows'],
  imported: readonly Readonly<Record<string, unknown>>[],
): string | null {
  const given = rows.filter(({ token, claim_code }) => token !== null || claim_code !== null);
  if (given.length === 0) return null;
  const lines = given.map(({ row, token, claim_code }) => {
    const device = imported[row - 1];
    return [device?.device_name, device?.hardware_id, token ?? claim_code].map(cellOf).join(',');
  });
  const what = given[0]?.token === null ? 'claim_code' : 'token';
  return [`device_name,hardware_id,${what}`, ...lines, ''].join('\r\n');
}

/** A sign that spreadsheets take for a formula is kept from it. Source: OWASP, CSV injection. */
function cellOf(value: unknown): string {
  const text = typeof value === 'string' ? value : '';
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
