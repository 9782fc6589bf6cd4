/** Heartbeats over HTTPS while MQTT cannot be reached (DESIGN §5), so that the console knows that the device lives. */
import type { Heartbeat } from '#contract';
import { ApiError, type DeviceApi } from './device-api.ts';
import { messageOf } from './errors.ts';
import type { Pair } from './identity.ts';
import type { Log } from './log.ts';
import type { Tokens } from './tokens.ts';

/** MQTT must have been away this long first: a restart of the broker is no reason. */
export const FALLBACK_AFTER_MS = 60_000;

export interface FallbackOptions {
  readonly api: DeviceApi;
  readonly deviceId: string;
  readonly tokens: Tokens;
  readonly pair: () => Pair;
  readonly log: Log;
  readonly now: () => Date;
}

/** Answers true once the server has the beat. Never throws; a busy server's retry-after is kept. */
export function createFallback(options: FallbackOptions): (beat: Heartbeat) => Promise<boolean> {
  const { api, deviceId, tokens, log, now } = options;
  let notBeforeMs = 0;
  let lastReason = '';

  return async (beat) => {
    if (now().getTime() < notBeforeMs) return false;
    try {
      const token = await validToken(options);
      const reply = await api.heartbeat(deviceId, token, beat);
      if (reply.auth_token !== undefined && reply.auth_token_expires_at !== undefined) {
        await tokens.save(reply.auth_token, reply.auth_token_expires_at);
      }
      lastReason = '';
      log.debug({}, 'heartbeat sent over HTTPS');
      return true;
    } catch (error) {
      if (error instanceof ApiError) {
        notBeforeMs = now().getTime() + error.retryAfterMs;
        if (error.status === 401) tokens.forget();
      }
      const reason = messageOf(error);
      if (reason !== lastReason) log.warn({ reason }, 'heartbeat over HTTPS failed');
      lastReason = reason;
      return false;
    }
  };
}

/** The kept JWT, or a new one for the holder of the certificate. @throws ApiError, HttpsError */
export async function validToken({
  api,
  deviceId,
  tokens,
  pair,
}: Pick<FallbackOptions, 'api' | 'deviceId' | 'tokens' | 'pair'>): Promise<string> {
  const kept = tokens.valid();
  if (kept !== null) return kept;
  const fresh = await api.issueToken(deviceId, pair());
  await tokens.save(fresh.auth_token, fresh.auth_token_expires_at);
  return fresh.auth_token;
}
