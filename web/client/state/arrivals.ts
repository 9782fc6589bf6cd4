/** Devices that enrol with a token while its dialog is open. Pure. */
import type { LiveEvent, Observation } from '#web-api';

export interface Arrival {
  readonly deviceId: string;
  /** Null until it was asked for. */
  readonly name: string | null;
  readonly isOnline: boolean;
}

/** A beat over HTTPS alone makes a device `degraded`: it is there all the same. */
export const isBeating = (observation: Observation | undefined): boolean =>
  observation === 'online' || observation === 'degraded' || observation === 'error';

/** The same list where the event says nothing new. */
export function arrive(arrivals: readonly Arrival[], event: LiveEvent, tokenId: string): readonly Arrival[] {
  if (event.kind === 'token.used' && event.token_id === tokenId) {
    if (arrivals.some((arrival) => arrival.deviceId === event.device_id)) return arrivals;
    return [...arrivals, { deviceId: event.device_id, name: null, isOnline: false }];
  }
  const beating =
    event.kind === 'devices.seen'
      ? event.device_ids
      : event.kind === 'device.changed' && isBeating(event.observation)
        ? [event.device_id]
        : [];
  const isNew = (arrival: Arrival) => !arrival.isOnline && beating.includes(arrival.deviceId);
  if (!arrivals.some(isNew)) return arrivals;
  return arrivals.map((arrival) => (isNew(arrival) ? { ...arrival, isOnline: true } : arrival));
}
