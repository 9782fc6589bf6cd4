/** Containers of Docker or Podman as `ps` prints them. Parser pure. */
import type { ServiceStatus } from '#contract';
import type { RunProgram } from './program.ts';

export const CONTAINER_TOOLS = ['docker', 'podman'] as const;
export type ContainerTool = (typeof CONTAINER_TOOLS)[number];

/** A daemon that restarts should be seen again soon. */
export const CONTAINERS_ABSENT_MS = 120_000;

export const readContainers = async (run: RunProgram, tool: ContainerTool): Promise<ServiceStatus[]> =>
  parseContainers(
    await run(tool, ['ps', '--all', '--format', tool === 'docker' ? '{{json .}}' : 'json']),
    tool,
  );

/** Docker prints one JSON object a line, Podman one array. */
export function parseContainers(text: string, kind: ContainerTool): ServiceStatus[] {
  const trimmed = text.trim();
  const rows: unknown[] = trimmed.startsWith('[') ? parseArray(trimmed) : trimmed.split('\n').map(parse);
  return rows.flatMap((row) => {
    if (typeof row !== 'object' || row === null) return [];
    const field = (name: string): unknown => Object.entries(row).find(([key]) => key === name)?.[1];
    const names = field('Names');
    const name = Array.isArray(names) ? names[0] : names;
    if (typeof name !== 'string' || name === '') return [];
    const restarts = field('Restarts');
    return [
      {
        name: name.slice(0, 100),
        status: stateOf(String(field('State') ?? ''), String(field('Status') ?? '')),
        kind,
        ...(typeof restarts === 'number' && Number.isInteger(restarts) && restarts >= 0 ? { restarts } : {}),
      },
    ];
  });
}

function stateOf(state: string, status: string): ServiceStatus['status'] {
  switch (state.toLowerCase()) {
    case 'running':
      if (status.includes('(unhealthy)')) return 'failed';
      return status.includes('health: starting') ? 'starting' : 'running';
    case 'created':
    case 'paused':
    case 'stopped':
      return 'stopped';
    case 'exited':
      // "Exited (0)" and a stop by signal were meant; anything else was not.
      return /^Exited \((0|137|143)\)/.test(status) || status === '' ? 'stopped' : 'failed';
    case 'restarting':
    case 'dead':
      return 'failed';
    default:
      return 'unknown';
  }
}

function parseArray(text: string): unknown[] {
  const value = parse(text);
  return Array.isArray(value) ? value : [];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
