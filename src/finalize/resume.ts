/** Where a system that sleeps on disk looks for what it has put there. */
import { type Layers, layersOf } from './layers.ts';
import { type Rewritten, rewriteDeed } from './rewrite.ts';
import type { Subject } from './site.ts';
import { specNow } from './specs.ts';

export const resumeFile = '/etc/initramfs-tools/conf.d/resume';

export const resume: Subject = {
  name: 'resume',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    return await rewriteDeed(site, resumeFile, (content) => resumeNow(content, captured, now), signal);
  },
};

export function resumeNow(content: string, captured: Layers, now: Layers): Rewritten {
  const notes: string[] = [];
  const text = content.replace(
    /^(\s*RESUME=)(["']?)([^"'\n]*)\2/gm,
    (line, before: string, quote: string, spec: string) => {
      if (['', 'auto', 'none'].includes(spec)) return line;
      const is = specNow(captured, now, spec);
      if (is.state !== 'moved' && is.state !== 'gone') return line;
      notes.push('the swap that it slept on is called otherwise, or is not here');
      return `${before}${quote}${is.state === 'moved' ? is.spec : 'none'}${quote}`;
    },
  );
  return { text, notes };
}
