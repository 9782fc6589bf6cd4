/** Restarts and main process of services, which the lists of systemd and containers do not tell. Parsers pure. */
import type { ContainerTool } from './containers.ts';
import type { RunProgram } from './program.ts';

export interface ServiceDetail {
  readonly name: string;
  /** Null where the manager does not count them. */
  readonly restarts: number | null;
  /** Null while nothing runs. */
  readonly pid: number | null;
}

const UNIT_SUFFIX = '.service';
const SHOW = ['show', '--no-pager', '--property=Id,NRestarts,MainPID', '--'];
/** One JSON object a line; both tools know these fields of `inspect`. */
const INSPECT = '{"name":{{json .Name}},"restarts":{{json .RestartCount}},"pid":{{json .State.Pid}}}';

export const readUnitDetails = async (run: RunProgram, names: readonly string[]): Promise<ServiceDetail[]> =>
  names.length === 0
    ? []
    : parseShow(await run('systemctl', [...SHOW, ...names.map((name) => `${name}${UNIT_SUFFIX}`)]));

export const readContainerDetails = async (
  run: RunProgram,
  tool: ContainerTool,
  names: readonly string[],
): Promise<ServiceDetail[]> =>
  names.length === 0
    ? []
    : parseInspect(await run(tool, ['inspect', '--type', 'container', '--format', INSPECT, ...names]));

/** Blocks of `Property=value` lines, parted by an empty line. NRestarts came with systemd 235. Source: systemctl(1). */
export function parseShow(text: string): ServiceDetail[] {
  return text.split('\n\n').flatMap((block) => {
    const properties = new Map(
      block.split('\n').map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, Math.max(0, at)), line.slice(at + 1).trim()] as const;
      }),
    );
    const id = properties.get('Id') ?? '';
    if (!id.endsWith(UNIT_SUFFIX)) return [];
    return [
      {
        name: id.slice(0, -UNIT_SUFFIX.length),
        restarts: countOf(properties.get('NRestarts')),
        pid: countOf(properties.get('MainPID')) || null,
      },
    ];
  });
}

/** Docker writes a slash before the name, Podman does not. */
export function parseInspect(text: string): ServiceDetail[] {
  return text.split('\n').flatMap((line) => {
    const { name, restarts, pid } = parseObject(line);
    if (typeof name !== 'string' || name === '') return [];
    return [{ name: name.replace(/^\//, ''), restarts: countOf(restarts), pid: countOf(pid) || null }];
  });
}

const countOf = (value: unknown): number | null =>
  /^\d{1,15}$/.test(String(value ?? '')) ? Number(value) : null;

function parseObject(line: string): { name?: unknown; restarts?: unknown; pid?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
