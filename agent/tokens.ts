/** The device's JWT: what HTTPS calls are made with when MQTT is not there. */
import { Type } from 'typebox';
import { STATE_FILES } from './identity.ts';
import type { StateFolder } from './state.ts';

const TokenFile = Type.Object({ auth_token: Type.String(), auth_token_expires_at: Type.String() });

/** A token that ends this soon is not used any more. */
const MARGIN_MS = 30_000;

export interface Tokens {
  /** Null when there is none or it is about to end. */
  valid(): string | null;
  save(token: string, expiresAt: string): Promise<void>;
  /** The server does not accept it. */
  forget(): void;
}

export async function openTokens(folder: StateFolder, now: () => Date): Promise<Tokens> {
  // A damaged token costs nothing: a new one is asked for by certificate.
  let stored = await folder.readJson(STATE_FILES.token, TokenFile).catch(() => null);
  return {
    valid: () =>
      stored !== null && Date.parse(stored.auth_token_expires_at) - MARGIN_MS > now().getTime()
        ? stored.auth_token
        : null,
    async save(token, expiresAt) {
      stored = { auth_token: token, auth_token_expires_at: expiresAt };
      await folder.writeJson(STATE_FILES.token, stored);
    },
    forget: () => {
      stored = null;
    },
  };
}
