/** The number of a session: higher with every connect, so that a late will of an older one is told apart (SEMANTICS 4.6). */
import { Type } from 'typebox';
import { STATE_FILES } from './identity.ts';
import type { StateFolder } from './state.ts';

const SessionFile = Type.Object({ epoch: Type.Integer({ minimum: 0 }) });

/** Durable before it is used. A damaged file falls back to the clock's seconds, above any count of connects. */
export async function raiseEpoch(folder: StateFolder, now: () => Date): Promise<number> {
  let epoch: number;
  try {
    epoch = ((await folder.readJson(STATE_FILES.session, SessionFile))?.epoch ?? 0) + 1;
  } catch {
    epoch = Math.floor(now().getTime() / 1000);
  }
  await folder.writeJson(STATE_FILES.session, { epoch });
  return epoch;
}
