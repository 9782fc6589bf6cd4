/** The child processes of an installation: what each one runs. Pure. */
import { join } from 'node:path';
import type { Settings } from '../settings.ts';
import { settingsAsEnv } from './settings-text.ts';

export interface Program {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** node:sqlite and type stripping announce themselves on every start. */
const QUIET = '--disable-warning=ExperimentalWarning';

/**
 * Every message lives for some tens of milliseconds, from its arrival to its commit: in V8's default nursery of 16 MB
 * it is copied several times on the way, which costs a fifth of the control plane's work under load. The nursery only
 * grows that large where it is needed.
 */
export const NURSERY = '--max-semi-space-size=64';

interface Place {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A part of the platform; all its settings, secrets among them, go by environment. */
export function roleProgram(
  role: 'broker' | 'control-plane' | 'web',
  settings: Settings,
  { root, env }: Place,
): Program {
  return {
    name: role,
    args: [QUIET, ...(role === 'web' ? [] : [NURSERY]), join(root, 'control-plane/main.ts'), '--role', role],
    env: { ...env, ...settingsAsEnv(settings) },
  };
}

/** Programs of the agent's room know nothing of a supervisor; the preload speaks for them. */
function agentProgram(
  name: string,
  args: readonly string[],
  { root, env }: Place,
  more: NodeJS.ProcessEnv,
): Program {
  const preload = ['--import', join(root, 'control-plane/supervisor/leash-preload.ts')];
  return { name, args: [QUIET, ...preload, ...args], env: { ...withoutSecrets(env), ...more } };
}

export function localAgentProgram(stateDir: string, place: Place): Program {
  const args = ['--state-dir', stateDir, '--log-format', 'json'];
  return agentProgram('agent', [join(place.root, 'agent/main.ts'), 'run', ...args], place, {});
}

export function fleetProgram(
  fleet: { stateDir: string; devices: number; token: string; cloudUrl: string; caFile: string },
  place: Place,
): Program {
  const args = [
    ...['--devices', String(fleet.devices), '--state-dir', fleet.stateDir],
    ...['--cloud-url', fleet.cloudUrl, '--ca-file', fleet.caFile],
  ];
  return agentProgram('fleet', [join(place.root, 'agent/fleet.ts'), ...args], place, {
    EDGE_AGENT_TOKEN: fleet.token,
  });
}

/** An agent has no use for what opens the database or the CA. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { DATABASE_URL, CA_PASSPHRASE, ADMIN_PASSWORD, ...others } = env;
  const { VAULT_TOKEN, VAULT_SECRET_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...rest } = others;
  return rest;
}
