// Each marked line must not compile, with the error that its mark names; `../misuse.test.ts` compares.
import { Secret } from '../../../src/kernel/secret.ts';
import { stepsOf } from '../../../src/workflow/define.ts';

interface Good {
  readonly folder: string;
  readonly count: number;
}

const step = stepsOf<Good>();

step({
  id: 'reads-what-it-did-not-ask-for',
  title: '',
  needs: ['folder'],
  gives: ['count'],
  run: async ({ state }) => ({
    count: state.count, // error TS2339
  }),
});

step({
  id: 'needs-what-is-no-state',
  title: '',
  needs: ['nothing'], // error TS2322
  gives: [],
  run: async () => ({}),
});

step({
  id: 'does-not-give-what-it-says',
  title: '',
  needs: [],
  gives: ['count'],
  run: async () => ({}), // error TS2322
});

step({
  id: 'gives-another-type',
  title: '',
  needs: [],
  gives: ['count'],
  run: async () => ({ count: 'three' }), // error TS2322
});

step({
  id: 'registers-a-cleanup-it-does-not-have',
  title: '',
  needs: [],
  gives: [],
  cleanups: { async undo(_args: { path: string }) {} },
  run: async ({ atEnd, onFailure }) => {
    await atEnd('undo', { path: '/x' });
    await atEnd('remove', { path: '/x' }); // error TS2345
    await onFailure('undo', { file: '/x' }); // error TS2353
    return {};
  },
});

stepsOf<{ password: Secret }>(); // error TS2344
stepsOf<{ deep: { list: readonly Secret[] } }>(); // error TS2344
stepsOf<{ when: Date }>(); // error TS2344
stepsOf<{ call: () => void }>(); // error TS2344
stepsOf<{ big: bigint }>(); // error TS2344
