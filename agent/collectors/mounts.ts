/** Which of the mounted file systems are worth watching, from /proc/self/mounts. Pure. Source: fstab(5), proc(5). */

/** Most file systems that are reported. */
export const MAX_DISKS = 32;

/**
 * On disks of this machine. Left out: pseudo file systems, images that are always full (squashfs, erofs, iso9660), and
 * network file systems, whose space is not this machine's and which hang with their server.
 */
const ON_DISK: ReadonlySet<string> = new Set(
  (
    'ext2 ext3 ext4 xfs btrfs bcachefs f2fs jfs nilfs2 reiserfs reiser4 zfs ubifs jffs2 ' +
    'vfat msdos exfat ntfs ntfs3 fuseblk hfsplus apfs ufs'
  ).split(' '),
);
/** Layers over another file system: counted where they are the root, as in a container or with a read-only base. */
const LAYERED: ReadonlySet<string> = new Set(['overlay', 'aufs']);

/** Mount points, one for each device: the one with the shortest path, as bind mounts and subvolumes repeat it. */
export function realMounts(text: string): string[] {
  const byDevice = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [device, mount, kind] = line.split(' ', 3).map(unescapeOctal);
    if (device === undefined || mount === undefined || kind === undefined || !mount.startsWith('/')) continue;
    if (!ON_DISK.has(kind) && !(LAYERED.has(kind) && mount === '/')) continue;
    const known = byDevice.get(device);
    if (known === undefined || mount.length < known.length) byDevice.set(device, mount);
  }
  return [...new Set(byDevice.values())]
    .sort((a, b) => a.length - b.length || a.localeCompare(b))
    .slice(0, MAX_DISKS);
}

/** Space, tab, newline and backslash stand as \040, \011, \012 and \134. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-3][0-7]{2})/g, (_whole, digits: string) => String.fromCharCode(parseInt(digits, 8)));
