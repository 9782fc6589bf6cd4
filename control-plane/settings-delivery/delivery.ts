/** Tells a device its organisation's telemetry settings where its heartbeat names another version. */
import { type Heartbeat, type TelemetrySettings, topicFor } from '#contract';
import type { Address } from '../ingest/message.ts';

/** A device that cannot take them up must not be told with every beat. */
export const DELIVERY_INTERVAL_MS = 30_000;
/** Devices remembered for that; more are told again sooner. */
const MAX_REMEMBERED = 20_000;

export interface SettingsDelivery {
  /** Pure but for its memory: the settings to send now, or null. */
  due(deviceId: string, heartbeat: Heartbeat, settings: TelemetrySettings): TelemetrySettings | null;
}

export function createSettingsDelivery(now: () => Date): SettingsDelivery {
  const told = new Map<string, number>();
  return {
    due(deviceId, { telemetry_version: version }, settings) {
      // Absent: a device that does not know of settings.
      if (version === undefined || version === settings.version) return null;
      const at = now().getTime();
      if (at - (told.get(deviceId) ?? Number.NEGATIVE_INFINITY) < DELIVERY_INTERVAL_MS) return null;
      if (told.size >= MAX_REMEMBERED) told.clear();
      told.set(deviceId, at);
      return settings;
    },
  };
}

/** Topic and payload by which they go down. */
export const settingsMessage = (address: Address, settings: TelemetrySettings): [string, string] => [
  topicFor('telemetry', address),
  JSON.stringify(settings),
];
