/** What devices sent and could not be stored, as their admins see it. */
import { DEFAULT_TELEMETRY } from '#contract';
import { createRedactor, type Redactor } from '#contract/redaction';
import { type Database, isGroupedScope, type StoredDeadLetter } from '#db';
import type { DeadLetterView, QueryOf } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { deviceScope, type OrgScope } from '../access/permit.ts';
import type { Listed, Person } from '../use-cases.ts';

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

export async function listDeadLetters(
  database: Database,
  person: Person,
  query: QueryOf<'dead_letters.list'>,
): Promise<Listed<DeadLetterView>> {
  const scope = await deviceScope(database.organizations, person, 'dead_letter.read', query.org_id);
  const filter = {
    ...(query.device_id === undefined ? {} : { device: query.device_id.toLowerCase() }),
    ...(query.reason === undefined ? {} : { reason: query.reason }),
  };
  const slugs = await slugsOf(database, isGroupedScope(scope) ? scope.orgIds : scope);
  const letters = isGroupedScope(scope) ? { orgSlugs: slugs ?? [], groupIds: scope.groupIds } : slugs;
  const page = await database.telemetry.listDeadLetters(letters, filter, toPageRequest(query));
  // Samples were redacted before they were stored; once more costs nothing and covers older ones.
  const redactor = createRedactor(DEFAULT_TELEMETRY.redaction);
  return toListed(page, (letter) => deadLetterView(letter, redactor));
}

async function slugsOf(database: Database, scope: OrgScope): Promise<string[] | null> {
  if (scope === null) return null;
  const ids = typeof scope === 'string' ? [scope] : scope;
  const found = await Promise.all(ids.map((id) => database.organizations.find(id)));
  return found.flatMap((organization) => (organization === null ? [] : [organization.slug]));
}

const deadLetterView = (letter: StoredDeadLetter, redactor: Redactor): DeadLetterView => ({
  id: letter.id,
  received_at: letter.receivedAt.toISOString(),
  device_id: letter.device !== null && UUID.test(letter.device) ? letter.device : null,
  device_name: letter.deviceName,
  channel: letter.channel,
  topic: letter.topic,
  reason: letter.reason,
  sample: redactor.text(sampleText(letter.sample)).text,
});

/** Text as far as the bytes are UTF-8; other bytes and control characters as `\xNN`. Pure. */
export function sampleText(sample: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  let start = 0;
  while (start < sample.length) {
    const length = characterLength(sample[start] ?? 0);
    const character = decode(decoder, sample.subarray(start, start + length));
    if (character === null) {
      text += escapeByte(sample[start] ?? 0);
      start += 1;
    } else {
      text += isShown(character) ? character : escapeByte(character.charCodeAt(0));
      start += length;
    }
  }
  return text;
}

const characterLength = (first: number): number =>
  first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

function decode(decoder: Pick<InstanceType<typeof TextDecoder>, 'decode'>, bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

const isShown = (character: string): boolean =>
  character >= ' ' ? character !== '\u007f' : character === '\n' || character === '\t';

const escapeByte = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
