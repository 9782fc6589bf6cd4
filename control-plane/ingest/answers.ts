/** What devices hear after a commit: acks, one for each stream; tokens; settings that they do not have yet. */
import { type Ack, topicFor } from '#contract';
import { type TrustDelivery, trustMessage } from '../authorities/trust-delivery.ts';
import type { AckTokens } from '../credentials/ack-tokens.ts';
import type { Logger } from '../log.ts';
import { createSettingsDelivery, settingsMessage } from '../settings-delivery/delivery.ts';
import type { TelemetryCache } from '../settings-delivery/telemetry-cache.ts';
import type { Address, HeartbeatMessage, IngestMessage } from './message.ts';
import type { Outcome } from './outcome.ts';

export interface AnswersDeps {
  readonly tokens: AckTokens;
  readonly telemetry: TelemetryCache;
  readonly trust: TrustDelivery;
  readonly publish: (topic: string, payload: string, qos?: 0 | 1) => boolean;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface Answers {
  /** Never throws. */
  tell(messages: readonly IngestMessage[], outcomes: readonly Outcome[]): void;
  /** Resolves when every token is made and sent. */
  idle(): Promise<void>;
}

export function createAnswers(deps: AnswersDeps): Answers {
  const { tokens, telemetry, publish, log } = deps;
  const delivery = createSettingsDelivery(deps.now);
  const open = new Set<Promise<void>>();
  const send = (address: Address, ack: Ack): void => {
    // The ack of a batch is given again whenever the batch is sent again; that of a beat may carry a token.
    publish(topicFor('ack', address), JSON.stringify(ack), ack.stream === 'heartbeat' ? 1 : 0);
  };

  function tellBeat(message: HeartbeatMessage, { ack, deviceId, orgId }: Outcome): void {
    if (deviceId === null || orgId === null) return;
    const { address, heartbeat } = message;
    const settings = delivery.due(deviceId, heartbeat, telemetry.of(orgId).settings);
    if (settings !== null) publish(...settingsMessage(address, settings));
    const roots = deps.trust.due(deviceId, heartbeat);
    if (roots !== null) publish(...trustMessage(address, roots));
    if (ack === null) return;
    if (!tokens.isDue(deviceId, heartbeat)) {
      send(address, ack);
      return;
    }
    const tracked = withToken(message, deviceId, orgId, ack).finally(() => open.delete(tracked));
    open.add(tracked);
  }

  /** The ack is the promise that matters; without a token it still goes out. */
  async function withToken(
    { address, heartbeat }: HeartbeatMessage,
    deviceId: string,
    orgId: string,
    ack: Ack,
  ): Promise<void> {
    try {
      const token = await tokens.make({ deviceId, orgId, org: address.org }, heartbeat);
      send(address, { ...ack, ...token });
    } catch (error) {
      log.warn({ err: error, ...address }, 'no token for the ack');
      send(address, ack);
    }
  }

  return {
    tell(messages, outcomes) {
      // The last word about a stream holds for all batches before it.
      const last = new Map<string, { address: Address; ack: Ack }>();
      for (let index = 0; index < messages.length; index += 1) {
        const message = messages[index] as IngestMessage;
        const outcome = outcomes[index] as Outcome;
        if (message.kind === 'heartbeat') {
          if (outcome.kind === 'committed') tellBeat(message, outcome);
        } else if (outcome.ack !== null) {
          const { ack, deviceId } = outcome;
          last.set(`${deviceId} ${ack.stream} ${ack.boot_id}`, { address: message.address, ack });
        }
      }
      for (const { address, ack } of last.values()) send(address, ack);
    },
    async idle() {
      await Promise.all(open);
    },
  };
}
