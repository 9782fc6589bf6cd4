/** Connections that have shown a certificate, found by their stream and by the certificate's serial. */
import { canPublish, canReceive, type PrincipalKind } from '#contract';
import type { FrameGuard } from './frame-guard.ts';
import type { Identity } from './principal.ts';
import { rememberTopics } from './topic-decisions.ts';

export interface Session {
  readonly identity: Identity;
  readonly guard: FrameGuard;
  readonly mayPublish: (topic: string) => boolean;
  readonly mayReceive: (topic: string) => boolean;
  /** Filters granted to it. */
  readonly filters: Set<string>;
  /** CONNECT was accepted. */
  isAccepted: boolean;
  /** Its certificate was revoked, or its organisation suspended: nothing goes in or out any more. */
  isRevoked: boolean;
}

export interface Sessions {
  add(identity: Identity, guard: FrameGuard): Session;
  of(connection: object): Session | undefined;
  withSerial(serial: string): Session[];
  all(): IterableIterator<Session>;
  countAccepted(): Record<PrincipalKind, number>;
}

export function createSessions(): Sessions {
  const live = new Set<Session>();
  /** A last will is decided on after its connection is gone. */
  const byConnection = new WeakMap<object, Session>();
  const bySerial = new Map<string, Set<Session>>();

  const remove = (session: Session): void => {
    live.delete(session);
    const same = bySerial.get(session.identity.serial);
    same?.delete(session);
    if (same?.size === 0) bySerial.delete(session.identity.serial);
  };

  return {
    add(identity, guard) {
      const { principal } = identity;
      const session: Session = {
        identity,
        guard,
        mayPublish: rememberTopics((topic) => canPublish(principal, topic)),
        mayReceive: rememberTopics((topic) => canReceive(principal, topic)),
        filters: new Set(),
        isAccepted: false,
        isRevoked: false,
      };
      live.add(session);
      byConnection.set(guard, session);
      const same = bySerial.get(identity.serial) ?? new Set();
      bySerial.set(identity.serial, same.add(session));
      guard.once('close', () => remove(session));
      return session;
    },
    of: (connection) => byConnection.get(connection),
    withSerial: (serial) => [...(bySerial.get(serial) ?? [])],
    all: () => live.values(),
    countAccepted() {
      const counts = { device: 0, integration: 0, service: 0 };
      for (const { identity, isAccepted } of live) {
        if (isAccepted) counts[identity.principal.kind] += 1;
      }
      return counts;
    },
  };
}
