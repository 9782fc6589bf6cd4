/** The deny-list: ready after a whole snapshot, extended at once, and never forgetful of what was added meanwhile. */
import { describe, expect, it } from 'vitest';
import { createDenyList } from '../../../broker/deny-list.ts';

const snapshot = (generation: string, part: number, parts: number, ...serials: string[]) =>
  ({ kind: 'snapshot', generation, part, parts, serials }) as const;
const added = (...serials: string[]) =>
  ({ kind: 'added', generation: 'x', part: 1, parts: 1, serials }) as const;

describe('createDenyList', () => {
  it('is ready once every part of one generation has come, in any order', () => {
    const list = createDenyList();
    expect(list.apply(snapshot('a', 2, 2, '22')).serials).toEqual([]);
    expect([list.isReady, list.has('22')]).toEqual([false, false]);
    expect(list.apply(snapshot('a', 1, 2, '11')).serials).toEqual(['11', '22'].sort().reverse());
    expect([list.isReady, list.has('11'), list.has('22'), list.size]).toEqual([true, true, true, 2]);
  });

  it('is not made ready by the same part twice or by parts of two generations', () => {
    const list = createDenyList();
    list.apply(snapshot('a', 1, 2, '11'));
    list.apply(snapshot('a', 1, 2, '11'));
    list.apply(snapshot('b', 2, 2, '22'));
    expect(list.isReady).toBe(false);
    list.apply(snapshot('b', 1, 2));
    expect([list.isReady, list.has('11'), list.has('22')]).toEqual([true, false, true]);
  });

  it('is not made ready by additions, but denies them at once', () => {
    const list = createDenyList();
    expect(list.apply(added('33')).serials).toEqual(['33']);
    expect([list.isReady, list.has('33')]).toEqual([false, true]);
  });

  it('tells only what was not denied before', () => {
    const list = createDenyList();
    list.apply(snapshot('a', 1, 1, '11'));
    expect(list.apply(added('11', '22')).serials).toEqual(['22']);
    expect(list.apply(snapshot('b', 1, 1, '11', '22', '33')).serials).toEqual(['33']);
  });

  it('lets go of what a new snapshot no longer holds', () => {
    const list = createDenyList();
    list.apply(snapshot('a', 1, 1, '11', '22'));
    list.apply(snapshot('b', 1, 1, '22'));
    expect([list.has('11'), list.has('22')]).toEqual([false, true]);
  });

  it('keeps an addition that came between the parts of a snapshot read before it', () => {
    const list = createDenyList();
    list.apply(snapshot('a', 1, 2, '11'));
    list.apply(added('99'));
    list.apply(snapshot('a', 2, 2, '22'));
    expect([list.has('11'), list.has('22'), list.has('99')]).toEqual([true, true, true]);
  });

  it('stays ready and whole while the next snapshot is still coming', () => {
    const list = createDenyList();
    list.apply(snapshot('a', 1, 1, '11'));
    list.apply(snapshot('b', 1, 2));
    expect([list.isReady, list.has('11')]).toEqual([true, true]);
  });

  it.each([
    [3, 2],
    [1, 401],
  ])('refuses part %d of %d', (part, parts) => {
    expect(() => createDenyList().apply(snapshot('a', part, parts))).toThrow(RangeError);
  });

  it('suspends at once whom an addition names, and takes back with the next snapshot alone', () => {
    const list = createDenyList();
    list.apply({ ...snapshot('a', 1, 1, '11'), suspended_orgs: ['acme'] });
    expect([list.isSuspended('acme'), list.isSuspended('globex')]).toEqual([true, false]);
    expect(list.apply({ ...added(), suspended_orgs: ['acme', 'globex'] }).orgs).toEqual(['globex']);
    expect(list.apply({ ...snapshot('b', 1, 1, '11'), suspended_orgs: ['globex'] }).orgs).toEqual([]);
    expect([list.isSuspended('acme'), list.isSuspended('globex')]).toEqual([false, true]);
  });

  it('keeps suspended who was named while a snapshot was on its way', () => {
    const list = createDenyList();
    list.apply({ ...snapshot('a', 1, 2), suspended_orgs: ['acme'] });
    list.apply({ ...added(), suspended_orgs: ['globex'] });
    list.apply({ ...snapshot('a', 2, 2), suspended_orgs: [] });
    expect([list.isReady, list.isSuspended('acme'), list.isSuspended('globex')]).toEqual([true, true, true]);
  });

  it('takes word from a control plane that knows of no suspensions', () => {
    const list = createDenyList();
    expect(list.apply(snapshot('a', 1, 1, '11'))).toEqual({ serials: ['11'], orgs: [] });
  });
});
