/** One guest (virtual machine): who manages it, and on which disks it lives. */
import { z } from 'zod';

export const guestSchema = z.object({
  manager: z.enum(['libvirt', 'proxmox', 'xen', 'incus', 'lxd', 'qemu']),
  name: z.string(),
  /** The manager's own: a UUID, or the number of a guest of Proxmox. */
  id: z.string().exactOptional(),
  /** Absent where nobody was asked. */
  running: z.boolean().exactOptional(),
  /** Nothing defines it: it is gone when it stops. */
  transient: z.literal(true).exactOptional(),
  /**
   * Paths of files and block devices; what is elsewhere as its manager writes it (`rbd:pool/image`). Media in its drives
   * are not its disks.
   */
  disks: z.array(z.string()),
  /** Other files that it does not start without, such as the variables of its firmware. */
  files: z.array(z.string()).exactOptional(),
});

export type Guest = z.infer<typeof guestSchema>;
