/** The containers of Docker or Podman as `ps --all` prints them. Pure. */
import type { ContainerTool } from '../collectors/containers.ts';

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly isRunning: boolean;
}

export const listArgs = (tool: ContainerTool): string[] => [
  'ps',
  '--all',
  '--no-trunc',
  '--format',
  tool === 'docker' ? '{{json .}}' : 'json',
];

/** Docker prints one object a line ({ID, Names, State}), Podman one array ({Id, Names[], State}). */
export function parseContainerList(text: string): Container[] {
  const trimmed = text.trim();
  const whole = trimmed.startsWith('[') ? parse(trimmed) : null;
  const rows = Array.isArray(whole) ? whole : trimmed.split('\n').map(parse);
  return rows.flatMap((row: unknown) => {
    if (typeof row !== 'object' || row === null) return [];
    const fields = new Map<string, unknown>(Object.entries(row));
    const id = fields.get('ID') ?? fields.get('Id');
    const names = fields.get('Names');
    const name = Array.isArray(names) ? names[0] : names;
    if (typeof id !== 'string' || !/^[0-9a-f]{12,64}$/.test(id)) return [];
    if (typeof name !== 'string' || name === '') return [];
    // A container with links has several names, apart by commas.
    const first = name.split(',')[0]?.replace(/^\//, '') ?? '';
    return [
      { id, name: first.slice(0, 100) || id.slice(0, 12), isRunning: fields.get('State') === 'running' },
    ];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
