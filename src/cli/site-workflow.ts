/** Loading a site's own workflow: TypeScript whose types Node strips, and code that runs as root. */
import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { checkTrusted } from '../host/trusted.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { checkWorkflow, type Workflow } from '../workflow/workflow.ts';

const isModule = /\.([cm]?[jt]s|json|node)$/;

/** What can be checked of a module whose types were stripped; what steps give is checked when they run. */
const moduleSchema = z.object({
  default: z.object({
    name: z.string(),
    title: z.string(),
    inputs: z.array(z.string()),
    stages: z.array(
      z.object({
        name: z.string(),
        steps: z.array(
          z.object({
            id: z.string(),
            title: z.string(),
            needs: z.array(z.string()),
            gives: z.array(z.string()),
            destructive: z.boolean().exactOptional(),
            timeout: z.string().exactOptional(),
            retries: z.number().int().nonnegative().exactOptional(),
            cleanups: z
              .record(
                z.string(),
                z.custom<never>((value) => typeof value === 'function'),
              )
              .exactOptional(),
            run: z.custom<Workflow['stages'][number]['steps'][number]['run']>((value) => typeof value === 'function'),
          }),
        ),
      }),
    ),
  }),
});

/**
 * Loads a site's workflow. It may import `lifeboat/steps`, what is built into Node, and files beside and below it, which
 * are trusted by the same rule as itself.
 *
 * @throws LifeboatError `untrusted` when others could have written it, or it imports from elsewhere; `workflow-invalid`
 */
export async function loadSiteWorkflow(file: string): Promise<Workflow> {
  const folder = await realpath(dirname(file)).catch((cause: unknown) => {
    throw new LifeboatError('workflow-invalid', `${file} cannot be loaded: its folder is gone`, { cause });
  });
  await checkTrusted(file);
  for (const name of await readdir(folder, { recursive: true })) {
    if (isModule.test(name)) await checkTrusted(join(folder, name));
  }
  confineImports(folder);
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    if (cause instanceof LifeboatError) throw cause;
    throw new LifeboatError(
      'workflow-invalid',
      `${file} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'Types are stripped, not compiled: no enums, namespaces or parameter properties.',
        cause,
      },
    );
  });
  const parsed = moduleSchema.safeParse(module);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new LifeboatError('workflow-invalid', `${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
      hint: 'Its default export must be what workflow({…}) returns.',
    });
  }
  const workflow: Workflow = parsed.data.default;
  checkWorkflow(workflow, new Set());
  return workflow;
}

/** Folders of workflows that were loaded; the hook stays for the life of the process. */
const folders = new Set<string>();

/** Those that this program runs itself: beside it where it was packed into few files. */
function runningSteps(): string {
  const packed = new URL('./steps.js', import.meta.url);
  return existsSync(packed) ? packed.href : new URL(`../steps/index${extname(import.meta.url)}`, import.meta.url).href;
}

function confineImports(folder: string): void {
  const first = folders.size === 0;
  folders.add(`${pathToFileURL(folder).href}/`);
  if (!first) return;
  const steps = runningSteps();
  registerHooks({
    resolve: (specifier, context, next) => {
      // A site's workflow lies outside of any node_modules, and could not find the package by its name.
      if (specifier === 'lifeboat/steps') return { url: steps, shortCircuit: true };
      const found = next(specifier, context);
      const home = [...folders].find((item) => context.parentURL?.startsWith(item));
      if (home === undefined || found.url.startsWith('node:') || found.url.startsWith(home)) return found;
      throw new LifeboatError(
        'untrusted',
        `${context.parentURL} imports ${specifier}, which lies outside of its folder`,
        {
          hint: 'A workflow may import lifeboat/steps, what is built into Node, and files beside and below it.',
        },
      );
    },
  });
}
