/** The identity provider as we know it: discovered when first needed, its keys, and whether it answers. */
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import * as client from 'openid-client';
import { isPlainToken } from '../credentials/token-text.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { isSecureUrl, type ProviderOptions } from './provider-options.ts';

/** Signatures by keys that only the provider holds; nothing symmetric, nothing unsigned. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** Clocks of two machines. */
const CLOCK_TOLERANCE_SECONDS = 30;
const ANSWER_TIMEOUT_SECONDS = 5;
/** Discovered again after this time; what was known serves on while the provider does not answer. */
const DISCOVERY_MAX_AGE_MS = 3_600_000;
/** After a failure nobody waits for another one within this time. */
const FAILURE_PAUSE_MS = 2_000;
/** Keys that are gone at the provider count no longer than this. */
const KEYS_MAX_AGE_MS = 600_000;
/** Made-up key ids make us ask for keys no more often than this. */
const KEYS_COOLDOWN_MS = 5_000;

export interface ProviderState {
  readonly checkedAt: Date | null;
  readonly isReachable: boolean;
  /** Of the last failure; null after a success. */
  readonly lastError: string | null;
}

export interface Provider {
  readonly options: ProviderOptions;
  /** `maxAgeMs`: how long ago the provider must have answered at most. @throws AppError 'auth.oidc_unavailable' */
  configuration(maxAgeMs?: number): Promise<client.Configuration>;
  /**
   * Signature, issuer and times of a token of the provider.
   * @throws AppError 'auth.oidc_refused' for a token that does not hold, 'auth.oidc_unavailable' without its keys.
   */
  verify(jwt: string, options: JWTVerifyOptions, reload?: 'reload-keys'): Promise<VerifiedToken>;
  state(): ProviderState;
}

export interface VerifiedToken {
  readonly claims: JWTPayload;
  readonly typ: string | undefined;
}

interface Known {
  readonly configuration: client.Configuration;
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
  readonly at: number;
}

export function openProvider(options: ProviderOptions, deps: { log: Logger; now: () => Date }): Provider {
  const { log, now } = deps;
  let known: Known | null = null;
  let failure: { readonly at: number; readonly error: Error } | null = null;
  let pending: Promise<Known> | null = null;

  async function discover(): Promise<Known> {
    try {
      const configuration = await client.discovery(
        new URL(options.issuer),
        options.clientId,
        {},
        options.clientSecret === null ? client.None() : client.ClientSecretBasic(options.clientSecret),
        {
          timeout: ANSWER_TIMEOUT_SECONDS,
          [client.customFetch]: boundedFetch,
          ...(options.issuer.startsWith('http:') ? { execute: [client.allowInsecureRequests] } : {}),
        },
      );
      const { issuer, jwks_uri: keysUrl } = configuration.serverMetadata();
      if (issuer !== options.issuer) throw new Error(`the provider calls itself ${issuer}`);
      if (keysUrl === undefined || !isSecureUrl(new URL(keysUrl))) {
        throw new Error('the provider names no keys at a safe address');
      }
      const sameKeys = known?.configuration.serverMetadata().jwks_uri === keysUrl ? known.keys : null;
      known = { configuration, keys: sameKeys ?? remoteKeys(keysUrl), at: now().getTime() };
      failure = null;
      return known;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      failure = { at: now().getTime(), error };
      log.warn({ issuer: options.issuer, err: error }, 'identity provider does not answer');
      throw error;
    }
  }

  async function current(maxAgeMs: number): Promise<Known> {
    const age = now().getTime() - (known?.at ?? Number.NEGATIVE_INFINITY);
    if (known !== null && age < maxAgeMs) return known;
    if (failure !== null && now().getTime() - failure.at < FAILURE_PAUSE_MS) throw unavailable(failure.error);
    pending ??= discover().finally(() => {
      pending = null;
    });
    try {
      return await pending;
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  /** For what needs no answer of now: old facts serve while the provider is away. */
  async function atHand(): Promise<Known> {
    try {
      return await current(DISCOVERY_MAX_AGE_MS);
    } catch (error) {
      if (known !== null) return known;
      throw error;
    }
  }

  return {
    options,
    configuration: async (maxAgeMs) =>
      (await (maxAgeMs === undefined ? atHand() : current(maxAgeMs))).configuration,

    async verify(jwt, verifyOptions, reload) {
      if (!isPlainToken(jwt)) throw new AppError('auth.oidc_refused');
      const { keys } = await atHand();
      const check = () =>
        jwtVerify(jwt, keys, {
          ...verifyOptions,
          algorithms: ALGORITHMS,
          issuer: options.issuer,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: now(),
        });
      try {
        const { payload, protectedHeader } = await check().catch(async (error: unknown) => {
          // A token from the provider itself by a key that is newer than our copy of its keys.
          if (reload === undefined || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
          await keys.reload();
          return check();
        });
        return { claims: payload, typ: protectedHeader.typ };
      } catch (cause) {
        throw toRefusal(cause);
      }
    },

    state: () => ({
      checkedAt: latest(known?.at, failure?.at),
      isReachable: known !== null && failure === null,
      lastError: failure === null ? null : describeFailure(failure.error),
    }),
  };
}

const remoteKeys = (url: string): ReturnType<typeof createRemoteJWKSet> =>
  createRemoteJWKSet(new URL(url), {
    [customFetch]: boundedFetch,
    timeoutDuration: ANSWER_TIMEOUT_SECONDS * 1000,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
  });

const unavailable = (cause: unknown): AppError => new AppError('auth.oidc_unavailable', { cause });

/** Only what jose says of the token itself is the caller's fault. */
function toRefusal(cause: unknown): AppError {
  const isFault = cause instanceof errors.JOSEError && !ABSENCE.has(cause.code);
  return isFault ? new AppError('auth.oidc_refused', { cause }) : unavailable(cause);
}

/** What jose says where the keys could not be had. */
const ABSENCE: ReadonlySet<string> = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

const latest = (...times: (number | undefined)[]): Date | null => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? null : new Date(Math.max(...known));
};

/** For system admins; nothing of what the provider sent. */
function describeFailure(error: Error): string {
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return `${error.message}${code}`.slice(0, 300);
}
