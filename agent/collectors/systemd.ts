/** Services of systemd: those that failed, those that matter to an edge device, and those asked for. Parser pure. */
import { existsSync } from 'node:fs';
import type { ServiceStatus } from '#contract';
import type { RunProgram } from './program.ts';

/** Kept when more units match than a heartbeat may carry: failed ones first. */
const RELEVANT =
  /^(docker|containerd|podman|k3s|kubelet|edge-agent|vllm|ollama|open-webui|text-generation|triton|nvidia-persistenced|nginx|caddy|traefik|postgresql|mosquitto|ssh|sshd|tailscaled|wg-quick@.+)$/;

export const hasSystemd = (): boolean => existsSync('/run/systemd/system');

export const readUnits = async (run: RunProgram, wanted: ReadonlySet<string>): Promise<ServiceStatus[]> =>
  parseUnits(
    await run('systemctl', ['list-units', '--type=service', '--all', '--no-legend', '--no-pager', '--plain']),
    wanted,
  );

/** Columns: unit, load, active, sub, description. Units that are not installed are passed over. */
export function parseUnits(text: string, wanted: ReadonlySet<string>): ServiceStatus[] {
  return text.split('\n').flatMap((line) => {
    // A failed unit may be marked by a bullet in the first column.
    const [unit, load, active, sub] = line.replace(/^[●*×\s]+/, '').split(/\s+/);
    const name = unit?.endsWith('.service') ? unit.slice(0, -'.service'.length) : undefined;
    if (name === undefined || name === '' || load === 'not-found' || active === undefined) return [];
    if (active !== 'failed' && !RELEVANT.test(name) && !wanted.has(name)) return [];
    return [{ name: name.slice(0, 100), status: stateOf(active, sub ?? ''), kind: 'systemd' }];
  });
}

function stateOf(active: string, sub: string): ServiceStatus['status'] {
  if (active === 'failed') return 'failed';
  if (active === 'activating') return sub === 'auto-restart' ? 'failed' : 'starting';
  if (active === 'active' || active === 'reloading') return 'running';
  return active === 'inactive' || active === 'deactivating' ? 'stopped' : 'unknown';
}
