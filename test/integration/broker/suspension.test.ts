/** A suspended organisation: its devices and integrators are cut at once and stay out until it is resumed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Revocations, systemTopic } from '#contract';
import { device, integrator, startTestBroker, type TestBroker } from '../../support/broker.ts';

const MAX_CUT_MS = 1000;
const REFUSED = 5;

let test: TestBroker;
let generation = 0;
beforeAll(async () => {
  test = await startTestBroker();
});
afterAll(() => test.stop());

async function tell(kind: Revocations['kind'], suspended_orgs: string[]): Promise<void> {
  generation += 1;
  const message: Revocations = {
    kind,
    generation: `s${generation}`,
    part: 1,
    parts: 1,
    serials: [],
    suspended_orgs,
  };
  await test.controlPlane.publish(systemTopic('revocations'), JSON.stringify(message));
}

describe('a suspended organisation', () => {
  it('loses its live sessions within a second, and nobody else does', async () => {
    const [mine, reports, other] = [device('acme'), integrator('acme'), device('globex')].map((one) =>
      test.keysFor(one),
    );
    if (mine === undefined || reports === undefined || other === undefined) throw new Error('no keys');
    const clients = await Promise.all([mine, reports].map((keys) => test.connect(keys)));
    const bystander = await test.connect(other);
    const start = performance.now();
    await Promise.all([tell('added', ['acme']), ...clients.map((client) => client.closed())]);
    expect(performance.now() - start).toBeLessThan(MAX_CUT_MS);
    for (const keys of [mine, reports]) {
      expect(await (await test.open(keys)).connect({ clientId: keys.clientId })).toBe(REFUSED);
    }
    await bystander.ping();

    await tell('snapshot', []);
    await test.connect(mine);
    await test.connect(reports);
    await tell('snapshot', ['globex']);
    await bystander.closed();
    await tell('snapshot', []);
  });
});
