/** How a registration token is spelled: `oce_{prefix}_{secret}`. The prefix may be shown, the whole never again. Pure. */
import { hashSecret, type RandomBytes, randomBase62 } from '../access/secrets.ts';

const PREFIX_CHARS = 8;
/** 238 bits. */
const SECRET_CHARS = 40;
const TOKEN = /^oce_([0-9A-Za-z]{8})_[0-9A-Za-z]{32,64}$/;

export interface TokenSecret {
  readonly token: string;
  readonly prefix: string;
  /** What the database keeps. */
  readonly tokenHash: string;
}

export function makeTokenSecret(random: RandomBytes): TokenSecret {
  const prefix = randomBase62(random, PREFIX_CHARS);
  const token = `oce_${prefix}_${randomBase62(random, SECRET_CHARS)}`;
  return { token, prefix, tokenHash: hashSecret(token) };
}

/** Null for what cannot be a token; it needs no look-up. */
export function readTokenSecret(token: string): Pick<TokenSecret, 'prefix' | 'tokenHash'> | null {
  const prefix = TOKEN.exec(token)?.[1];
  return prefix === undefined ? null : { prefix, tokenHash: hashSecret(token) };
}

/** One line for a Linux shell. The pin stands in for a CA that the new machine cannot know yet. */
export function installCommand(addresses: { publicUrl: string; serverPin: string }, token: string): string {
  const script = 'install_edge_agent.sh';
  const { publicUrl, serverPin } = addresses;
  // A container has no sudo and is root already: then the word is left out.
  return `curl -fsSLk --pinnedpubkey '${serverPin}' ${publicUrl}/${script} -o ${script} && $(command -v sudo) bash ${script} ${token}`;
}
