import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { claimPorts, explainBindError, type WantedPort } from '../../../control-plane/supervisor/ports.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

async function occupy(port = 0): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const want = (port: number, more: Partial<WantedPort> = {}): WantedPort => ({
  host: '127.0.0.1',
  port,
  portFlag: 'http-port',
  hostFlag: 'http-host',
  ...more,
});

describe('claimPorts', () => {
  it('gives different free ports for 0, which can be bound afterwards', async () => {
    const ports = await claimPorts([want(0), want(0), want(0)]);
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) expect(await occupy(port)).toBe(port);
  });

  it('gives 0 the port of the last start while it is free', async () => {
    const [free = 0] = await claimPorts([want(0)]);
    expect(await claimPorts([want(0, { lastPort: free })])).toEqual([free]);
    await occupy(free);
    expect(await claimPorts([want(0, { lastPort: free })])).not.toEqual([free]);
  });

  it('names the port in use and a free one to take', async () => {
    const taken = await occupy();
    await expect(claimPorts([want(taken)])).rejects.toThrow(
      new RegExp(`^Port ${taken} on 127.0.0.1 is in use .*Stop it, or start with --http-port \\d+\\.$`),
    );
  });

  it('tells two settings with one port from another program', async () => {
    const [free = 0] = await claimPorts([want(0)]);
    await expect(claimPorts([want(free), want(free, { portFlag: 'https-port' })])).rejects.toThrow(
      `--http-port and --https-port are both ${free}`,
    );
  });

  it('says so when the address is not this machine’s', async () => {
    await expect(claimPorts([want(0, { host: '192.0.2.1' })])).rejects.toThrow(
      /192\.0\.2\.1\. Correct --http-host/,
    );
  });
});

describe('explainBindError', () => {
  it('explains privileged ports', () =>
    expect(explainBindError(want(443), 'EACCES', 8443)).toMatch(/privileged.*--http-port 8443/));
  it('knows when it has nothing to suggest', () =>
    expect(explainBindError(want(1), 'EADDRINUSE', null)).toMatch(/choose another --http-port/));
});
