/**
 * What carrying the same traffic costs at the least: Mosquitto with our certificates, the same devices and payloads,
 * one subscriber in the place of the control plane that answers as many acks. Only Mosquitto's CPU time is counted.
 */
import { join } from 'node:path';
import mqtt from 'mqtt';
import type { Authority } from '#certs';
import { type Ack, fleetFilter, parseTopic, topicFor } from '#contract';
import { freePort } from '../support/installation.ts';
import { cpuSecondsOf } from '../support/process-tree.ts';
import { runLoad } from './load.ts';
import { startMosquitto } from './mosquitto.ts';
import type { LoadOrder } from './telemetry-load.ts';

export interface BrokerFloor {
  readonly messages: number;
  readonly delivered: number;
  readonly micros: number;
}

export async function measureMosquitto(options: {
  dir: string;
  authority: Authority;
  order: Omit<LoadOrder, 'port' | 'window'>;
  /** Acks per message, as our own run had them. */
  acksPerMessage: number;
}): Promise<BrokerFloor> {
  const { authority, order, acksPerMessage } = options;
  const port = await freePort();
  const mosquitto = await startMosquitto({ dir: join(options.dir), port, authority });
  const { keyPem, chainPem } = await authority.serviceCertificate('control-plane');
  const subscriber = await mqtt.connectAsync(`mqtts://localhost:${port}`, {
    clientId: 'service/control-plane',
    key: keyPem,
    cert: chainPem,
    ca: authority.trustPem,
  });
  let delivered = 0;
  let credit = 0;
  subscriber.on('message', (topic) => {
    const address = parseTopic(topic);
    if (address === null) return;
    delivered += 1;
    credit += acksPerMessage;
    if (credit < 1) return;
    credit -= 1;
    const ack: Ack = { stream: 'metrics', boot_id: '00000000-0000-4000-8000-000000000000', seq: delivered };
    subscriber.publish(topicFor('ack', address), JSON.stringify(ack), { qos: 1 });
  });
  try {
    await subscriber.subscribeAsync(fleetFilter('metrics'), { qos: 1 });
    let before = 0;
    let spent = 0;
    let measured = 0;
    let deliveredBefore = 0;
    const { result } = await runLoad(
      { ...order, port, window: null },
      {
        onWarm: () => {
          before = cpuSecondsOf(mosquitto.pid);
          deliveredBefore = delivered;
        },
        onEnd: async () => {
          const deadline = performance.now() + 30_000;
          // The load process only knows what it wrote; what is on its way is counted in.
          while (delivered < order.messagesPerSecond * order.seconds && performance.now() < deadline) {
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          spent = cpuSecondsOf(mosquitto.pid) - before;
          measured = delivered - deliveredBefore;
        },
      },
    );
    return { messages: result.sent, delivered, micros: (spent / measured) * 1e6 };
  } finally {
    await subscriber.endAsync(true);
    await mosquitto.stop();
  }
}
