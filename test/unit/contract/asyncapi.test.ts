/** The AsyncAPI document: current, valid by the reference parser, and as complete as the channel table. */
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { describe, expect, it } from 'vitest';
import { CHANNELS, decodeValue, SYSTEM_CHANNELS } from '#contract';
import { asyncApiDocument } from '../../../broker/contract/asyncapi.ts';

const file = new URL('../../../broker/contract/asyncapi.gen.json', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

describe('asyncApiDocument', () => {
  it('is what lies in the repository', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(asyncApiDocument(version));
  });

  it('has no error for the reference parser', async () => {
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncApiDocument(version)));
    const ERROR = 0;
    expect(diagnostics.filter(({ severity }) => severity === ERROR)).toEqual([]);
    const channels = Object.keys(CHANNELS).length + Object.keys(SYSTEM_CHANNELS).length;
    expect(document?.channels().all()).toHaveLength(channels);
    expect(document?.operations().all()).toHaveLength(channels);
  });

  it.each(Object.entries(CHANNELS))('shows examples of %s that the decoder accepts', (_name, { payload }) => {
    const { examples } = payload as { examples?: unknown[] };
    expect(examples?.length).toBeGreaterThan(0);
    for (const example of examples ?? []) expect(decodeValue(payload, example)).toMatchObject({ ok: true });
  });
});
