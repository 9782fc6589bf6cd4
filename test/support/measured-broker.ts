/** A test broker in a process of its own, so that its memory and its crashes are not those of the attackers. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { BrokerMetrics, Limits } from '#broker';
import { openAuthority } from '#certs';
import { type ClientKeys, keysFrom, startTestBroker } from './broker.ts';

export interface BrokerReading {
  readonly rssMb: number;
  /** Heap and buffers after garbage collection. */
  readonly usedMb: number;
  readonly metrics: BrokerMetrics;
  readonly errors: readonly string[];
}

export interface MeasuredBroker {
  keysFor(principal: ClientKeys['principal']): ClientKeys;
  /** @throws Error when the process has ended. */
  read(): Promise<BrokerReading>;
  stop(): Promise<void>;
}

interface Ready {
  readonly port: number;
  readonly dir: string;
}

export async function startMeasuredBroker(limits: Partial<Limits>): Promise<MeasuredBroker> {
  const child = fork(import.meta.filename, [JSON.stringify(limits)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const answer = async <T>(): Promise<T> => {
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the broker's process ended with ${code}`);
      }),
    ]);
    return message;
  };
  const { port, dir } = await answer<Ready>();
  const authority = await openAuthority({ dir });
  return {
    keysFor: (principal) => keysFrom(authority, principal, port),
    read() {
      if (child.exitCode !== null) throw new Error(`the broker's process ended with ${child.exitCode}`);
      child.send('read');
      return answer<BrokerReading>();
    },
    async stop() {
      if (child.exitCode !== null) return;
      child.send('stop');
      await once(child, 'exit');
    },
  };
}

if (process.argv[1] === import.meta.filename) await runChild();

async function runChild(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const test = await startTestBroker({ limits: JSON.parse(process.argv[2] ?? '{}') });
  const read = async (): Promise<BrokerReading> => {
    // Closed sockets give their buffers back some turns later.
    for (let turn = 0; turn < 5; turn += 1) {
      collectGarbage();
      await delay(200);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    const errors = test.log
      .filter(({ level }) => level === 'error')
      .map((line) => `${line.text} ${String(line.fields.err)}`);
    return {
      rssMb: rss / 2 ** 20,
      usedMb: (heapUsed + external) / 2 ** 20,
      metrics: test.broker.metrics(),
      errors,
    };
  };
  process.on('message', (word) => {
    if (word === 'read') void read().then((reading) => process.send?.(reading));
    else void test.stop().then(() => process.exit(0));
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port: test.broker.port, dir: test.dir } satisfies Ready);
}
