/** Bar C1: sessions of revoked certificates are closed within a second, without their wills; 100 together within three. */
import { topicFor } from '#contract';
import { percentile, runBar } from '../../support/bar.ts';
import { type ClientKeys, device, service, startTestBroker, type TestBroker } from '../../support/broker.ts';
import type { RawClient } from '../../support/raw-mqtt-client.ts';

const ONE_LIMIT_MS = 1000;
const ALL_LIMIT_MS = 3000;
const SINGLES = 100;
const TOGETHER = 100;

interface Live {
  readonly keys: ClientKeys;
  readonly client: RawClient;
}

await runBar(async () => {
  await using test = await startTestBroker();
  const watcher = await test.connect(test.keysFor(service('watcher')));
  await watcher.subscribe('edge/v1/+/+/up/presence');

  const times: number[] = [];
  for (let round = 0; round < SINGLES; round += 1) {
    const { keys, client } = await connectWithWill(test);
    times.push(await timeToEnd([client], () => test.revoke(keys.serial)));
    if (!(await isRefused(test, keys))) throw new Error('a revoked certificate was let in again');
  }
  const many = await Promise.all(Array.from({ length: TOGETHER }, () => connectWithWill(test)));
  const togetherMs = await timeToEnd(
    many.map(({ client }) => client),
    () => test.revoke(...many.map(({ keys }) => keys.serial)),
  );
  await watcher.ping();
  const wills = watcher.packets.filter(({ cmd }) => cmd === 'publish').length;
  const p99 = percentile(times, 0.99);
  return {
    name: 'revocation',
    figure: `closed after ${p99.toFixed(0)} ms (p99 of ${SINGLES}), ${TOGETHER} together after ${togetherMs.toFixed(0)} ms, ${wills} wills`,
    limit: `<= ${ONE_LIMIT_MS} ms, <= ${ALL_LIMIT_MS} ms, 0`,
    holds: p99 <= ONE_LIMIT_MS && togetherMs <= ALL_LIMIT_MS && wills === 0,
  };
});

async function connectWithWill(test: TestBroker): Promise<Live> {
  const principal = device('acme');
  if (principal.kind !== 'device') throw new Error('not a device');
  const keys = test.keysFor(principal);
  const will = {
    topic: topicFor('presence', principal),
    payload: Buffer.from('lost'),
    qos: 1 as const,
    retain: true,
  };
  const client = await test.connect(keys, { clientId: keys.clientId, will });
  await client.subscribe(`edge/v1/acme/${principal.device}/down/#`);
  return { keys, client };
}

async function timeToEnd(clients: readonly RawClient[], revoke: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await Promise.all([revoke(), ...clients.map((client) => client.closed())]);
  return performance.now() - start;
}

async function isRefused(test: TestBroker, keys: ClientKeys): Promise<boolean> {
  const client = await test.open(keys);
  const code = await client.connect({ clientId: keys.clientId });
  client.destroy();
  return code === 5;
}
