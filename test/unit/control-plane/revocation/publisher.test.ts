import { describe, expect, it } from 'vitest';
import { decodeSystemPayload, MAX_SERIALS_PER_MESSAGE, MAX_SUSPENDED_PER_MESSAGE } from '#contract';
import { messagesOf } from '../../../../control-plane/revocation/publisher.ts';

const serials = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => index.toString(16).padStart(40, '0'));

/** As long as they may be. */
const slugs = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `org-${index}`.padEnd(27, 'x'));
const NOTHING = { serials: [], suspendedOrgs: [] };

describe('messagesOf', () => {
  it('says an empty snapshot, so that a broker may open', () => {
    expect(messagesOf('snapshot', 'g1', NOTHING)).toEqual([
      { kind: 'snapshot', generation: 'g1', part: 1, parts: 1, serials: [], suspended_orgs: [] },
    ]);
    expect(messagesOf('added', 'g1', NOTHING)).toEqual([]);
  });

  it('cuts a long list into parts that the contract takes and a frame holds', () => {
    const all = serials(2 * MAX_SERIALS_PER_MESSAGE + 1);
    const orgs = slugs(2 * MAX_SUSPENDED_PER_MESSAGE + 1);
    const messages = messagesOf('snapshot', 'g1', { serials: all, suspendedOrgs: orgs });
    expect(messages.map(({ part, parts }) => `${part}/${parts}`)).toEqual(['1/3', '2/3', '3/3']);
    expect(messages.flatMap((message) => message.serials)).toEqual(all);
    expect(messages.flatMap((message) => message.suspended_orgs)).toEqual(orgs);
    for (const message of messages) {
      const payload = Buffer.from(JSON.stringify(message));
      expect(payload.length).toBeLessThan(262_144 - 100);
      expect(decodeSystemPayload('revocations', payload).ok).toBe(true);
    }
  });
});
