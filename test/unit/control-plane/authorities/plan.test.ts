/** Which step of a change of authority is due. */
import { describe, expect, it } from 'vitest';
import type { AuthorityDependants } from '#db';
import {
  arrangementOf,
  CONFIRM_AFTER_MS,
  type Generation,
  nextStep,
  type Step,
} from '../../../../control-plane/authorities/plan.ts';

const START = Date.parse('2026-11-23T06:00:00Z');
const at = (ms: number): Date => new Date(START + ms);
const SERVE_AFTER_MS = 1_000_000;

const generation = (id: string, more: Partial<Generation> = {}): Generation => ({
  id,
  state: 'active',
  serves: false,
  activateAt: at(60_000),
  serveAt: at(SERVE_AFTER_MS),
  rootFingerprintSha256: id.repeat(8),
  ...more,
});
const old = generation('ca', { serves: true });
const next = generation('ca-00000001', { state: 'next' });
const retiring: Generation = { ...old, state: 'retiring' };
const active: Generation = { ...next, state: 'active' };
const depends = (
  of: Record<string, Partial<AuthorityDependants>>,
): ReadonlyMap<string, AuthorityDependants> =>
  new Map(
    Object.entries(of).map(([id, found]) => [id, { certificates: 1, connected: 2, informed: 0, ...found }]),
  );
const informed = depends({ ca: {}, 'ca-00000001': { informed: 2 } });
const settled = 60_000 + CONFIRM_AFTER_MS;

describe('nextStep', () => {
  const cases: [string, Generation[], ReadonlyMap<string, AuthorityDependants>, number, Step | null][] = [
    ['has nothing to do with one authority', [old], depends({}), 0, null],
    ['waits until every process can trust the next one', [old, next], depends({}), 59_999, null],
    [
      'activates it then',
      [old, next],
      depends({}),
      60_000,
      { kind: 'activate', id: next.id, retiring: 'ca' },
    ],
    [
      'leaves servers alone while a device does not know the root',
      [retiring, active],
      depends({ ca: {}, [active.id]: { informed: 1 } }),
      settled,
      null,
    ],
    [
      'leaves them alone while no device is there to confirm',
      [retiring, active],
      depends({ ca: {}, [active.id]: { connected: 0 } }),
      settled,
      null,
    ],
    ['waits a while for devices to speak', [retiring, active], informed, settled - 1, null],
    [
      'moves the servers when all have confirmed',
      [retiring, active],
      informed,
      settled,
      { kind: 'serve', id: active.id, from: 'ca', isConfirmed: true },
    ],
    [
      'moves them when the time is over',
      [retiring, active],
      depends({ ca: {}, [active.id]: {} }),
      SERVE_AFTER_MS,
      { kind: 'serve', id: active.id, from: 'ca', isConfirmed: false },
    ],
    [
      'moves them at once under the same root',
      [retiring, { ...active, rootFingerprintSha256: old.rootFingerprintSha256 }],
      depends({ ca: {}, [active.id]: { connected: 0 } }),
      60_000,
      { kind: 'serve', id: active.id, from: 'ca', isConfirmed: true },
    ],
    [
      'keeps an authority on which certificates depend',
      [
        { ...retiring, serves: false },
        { ...active, serves: true },
      ],
      informed,
      settled,
      null,
    ],
    [
      'retires it when nothing does',
      [
        { ...retiring, serves: false },
        { ...active, serves: true },
      ],
      depends({ ca: { certificates: 0 }, [active.id]: {} }),
      settled,
      { kind: 'retire', id: 'ca' },
    ],
    [
      'never retires what serves',
      [retiring, active],
      depends({ ca: { certificates: 0 }, [active.id]: {} }),
      settled,
      null,
    ],
  ];
  it.each(cases)('%s', (_sentence, generations, dependants, ms, step) => {
    expect(nextStep(generations, dependants, at(ms))).toEqual(step);
  });
});

describe('arrangementOf', () => {
  it('leaves out what is retired', () => {
    const rows = [
      generation('ca-00000002', { state: 'retired' }),
      { ...retiring, serves: false },
      { ...active, serves: true },
    ];
    expect(arrangementOf(rows)).toEqual({
      generations: [
        { id: 'ca', state: 'retiring' },
        { id: active.id, state: 'active' },
      ],
      servers: active.id,
    });
  });
  it('says nothing where none is active, or none serves', () => {
    expect(arrangementOf([retiring])).toBeNull();
    expect(arrangementOf([active])).toBeNull();
  });
});
