/** What needs no account and is no part of the API: health, certificates, the installer. */
import type { FastifyInstance } from 'fastify';
import type { ControlPlane } from '#control-plane';

const PEM = 'application/x-pem-file';

export interface PublicRoutesDeps {
  readonly controlPlane: ControlPlane;
  readonly publicUrl: string;
  readonly version: string;
  readonly installScript: (input: { cloudUrl: string; caPem: string }) => string;
}

export function registerPublicRoutes(
  app: FastifyInstance,
  { controlPlane, publicUrl, version, installScript }: PublicRoutesDeps,
): void {
  /** The process lives; says nothing about its database. */
  app.get('/healthz', async () => ({ status: 'ok', version }));
  /** 503 as problem+json while the database does not answer. */
  app.get('/readyz', async () => {
    await controlPlane.ready();
    return { status: 'ready', version };
  });
  app.get('/ca.pem', async (_request, reply) =>
    reply.type(PEM).send(controlPlane.material.rootCertificates()),
  );
  app.get('/crl.pem', async (_request, reply) => reply.type(PEM).send(await controlPlane.material.crl()));
  app.get('/install_edge_agent.sh', async (_request, reply) =>
    reply
      .type('text/x-shellscript; charset=utf-8')
      .send(installScript({ cloudUrl: publicUrl, caPem: controlPlane.material.rootCertificates() })),
  );
}
