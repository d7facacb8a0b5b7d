// Which words lead to which command. A new command is a file and a line here.
import type { Entry, Group } from './framework/command.ts';

/** Docker has it and this version of Dockyard does not: whatever follows the words, the answer says so. */
const notBuilt = (summary: string): Entry => ({ notBuilt: summary });

const container: Group = {
  summary: 'Containers: run, look into, stop, remove',
  commands: {
    attach: () => import('./commands/container/attach.ts'),
    commit: () => import('./commands/container/commit.ts'),
    cp: () => import('./commands/container/cp.ts'),
    create: () => import('./commands/container/create.ts'),
    diff: () => import('./commands/container/diff.ts'),
    exec: () => import('./commands/container/exec.ts'),
    export: () => import('./commands/container/export.ts'),
    inspect: () => import('./commands/container/inspect.ts'),
    kill: () => import('./commands/container/kill.ts'),
    logs: () => import('./commands/container/logs.ts'),
    ls: () => import('./commands/container/ls.ts'),
    pause: () => import('./commands/container/pause.ts'),
    port: () => import('./commands/container/port.ts'),
    prune: () => import('./commands/container/prune.ts'),
    rename: () => import('./commands/container/rename.ts'),
    restart: () => import('./commands/container/restart.ts'),
    rm: () => import('./commands/container/rm.ts'),
    run: () => import('./commands/container/run.ts'),
    start: () => import('./commands/container/start.ts'),
    stats: () => import('./commands/container/stats.ts'),
    stop: () => import('./commands/container/stop.ts'),
    top: () => import('./commands/container/top.ts'),
    unpause: () => import('./commands/container/unpause.ts'),
    update: () => import('./commands/container/update.ts'),
    wait: () => import('./commands/container/wait.ts'),
  },
  aliases: { list: 'ls', ps: 'ls', remove: 'rm' },
};

const image: Group = {
  summary: 'Images: list, fetch, tag, remove',
  commands: {
    build: notBuilt('Build an image from a Dockerfile'),
    history: () => import('./commands/image/history.ts'),
    import: () => import('./commands/image/import.ts'),
    inspect: () => import('./commands/image/inspect.ts'),
    load: () => import('./commands/image/load.ts'),
    ls: () => import('./commands/image/ls.ts'),
    prune: () => import('./commands/image/prune.ts'),
    pull: () => import('./commands/image/pull.ts'),
    push: () => import('./commands/image/push.ts'),
    rm: () => import('./commands/image/rm.ts'),
    save: () => import('./commands/image/save.ts'),
    tag: () => import('./commands/image/tag.ts'),
  },
  aliases: { list: 'ls', remove: 'rm' },
};

const manifest: Group = {
  summary: 'Manifest lists: one name for the images of several platforms',
  commands: {
    annotate: () => import('./commands/manifest/annotate.ts'),
    create: () => import('./commands/manifest/create.ts'),
    inspect: () => import('./commands/manifest/inspect.ts'),
    push: () => import('./commands/manifest/push.ts'),
    rm: () => import('./commands/manifest/rm.ts'),
  },
};

const volume: Group = {
  summary: 'Volumes: data that outlives containers',
  commands: {
    create: () => import('./commands/volume/create.ts'),
    inspect: () => import('./commands/volume/inspect.ts'),
    ls: () => import('./commands/volume/ls.ts'),
    prune: () => import('./commands/volume/prune.ts'),
    rm: () => import('./commands/volume/rm.ts'),
    update: () => import('./commands/volume/update.ts'),
  },
  aliases: { list: 'ls', remove: 'rm' },
};

const network: Group = {
  summary: 'Networks: what containers talk over',
  commands: {
    connect: () => import('./commands/network/connect.ts'),
    create: () => import('./commands/network/create.ts'),
    disconnect: () => import('./commands/network/disconnect.ts'),
    inspect: () => import('./commands/network/inspect.ts'),
    ls: () => import('./commands/network/ls.ts'),
    prune: () => import('./commands/network/prune.ts'),
    rm: () => import('./commands/network/rm.ts'),
  },
  aliases: { list: 'ls', remove: 'rm' },
};

const system: Group = {
  summary: 'The engine: information, events, disk use',
  commands: {
    df: () => import('./commands/system/df.ts'),
    'dial-stdio': () => import('./commands/system/dial-stdio.ts'),
    events: () => import('./commands/system/events.ts'),
    info: () => import('./commands/system/info.ts'),
    prune: () => import('./commands/system/prune.ts'),
  },
};

const context: Group = {
  summary: 'Contexts: engines by name',
  commands: {
    create: () => import('./commands/context/create.ts'),
    export: () => import('./commands/context/export.ts'),
    import: () => import('./commands/context/import.ts'),
    inspect: () => import('./commands/context/inspect.ts'),
    ls: () => import('./commands/context/ls.ts'),
    rm: () => import('./commands/context/rm.ts'),
    show: () => import('./commands/context/show.ts'),
    update: () => import('./commands/context/update.ts'),
    use: () => import('./commands/context/use.ts'),
  },
  aliases: { list: 'ls', remove: 'rm' },
};

const trust: Group = {
  summary: 'Signatures of images: sign, look, revoke',
  commands: {
    inspect: () => import('./commands/trust/inspect.ts'),
    key: {
      summary: 'Keys to sign images with',
      commands: {
        generate: () => import('./commands/trust/key/generate.ts'),
        load: () => import('./commands/trust/key/load.ts'),
      },
    },
    revoke: () => import('./commands/trust/revoke.ts'),
    sign: () => import('./commands/trust/sign.ts'),
    signer: {
      summary: 'Who may sign: that is what the trust policy says',
      commands: {
        add: () => import('./commands/trust/signer/add.ts'),
        remove: () => import('./commands/trust/signer/remove.ts'),
      },
    },
  },
  aliases: { view: 'inspect' },
};

const builder: Group = {
  summary: 'Builds: build, clean the cache',
  commands: {
    build: 'image build',
    prune: () => import('./commands/builder/prune.ts'),
  },
};

const completion: Group = {
  summary: 'Scripts with which shells complete command lines',
  commands: {
    bash: () => import('./commands/completion/bash.ts'),
    fish: () => import('./commands/completion/fish.ts'),
    powershell: notBuilt('The script for PowerShell'),
    zsh: () => import('./commands/completion/zsh.ts'),
  },
};

export const root: Group = {
  summary: 'Dockyard: containers, images, networks and volumes',
  commands: {
    __complete: () => import('./commands/completion/complete.ts'),
    __completeNoDesc: '__complete',
    attach: 'container attach',
    bake: notBuilt('Build from a file of targets'),
    build: 'image build',
    builder,
    buildx: notBuilt('Extended builds'),
    checkpoint: notBuilt('Checkpoints of containers'),
    commit: 'container commit',
    completion,
    compose: notBuilt('Applications of several containers'),
    config: notBuilt('Configuration of a swarm'),
    container,
    context,
    cp: 'container cp',
    create: 'container create',
    diff: 'container diff',
    events: 'system events',
    exec: 'container exec',
    export: 'container export',
    history: 'image history',
    image,
    images: 'image ls',
    import: 'image import',
    info: 'system info',
    inspect: () => import('./commands/inspect.ts'),
    kill: 'container kill',
    load: 'image load',
    login: () => import('./commands/login.ts'),
    logout: () => import('./commands/logout.ts'),
    logs: 'container logs',
    manifest,
    network,
    node: notBuilt('Nodes of a swarm'),
    pause: 'container pause',
    plugin: notBuilt('Plugins that are installed as images'),
    port: 'container port',
    ps: 'container ls',
    pull: 'image pull',
    push: 'image push',
    rename: 'container rename',
    restart: 'container restart',
    rm: 'container rm',
    rmi: 'image rm',
    run: 'container run',
    save: 'image save',
    search: () => import('./commands/search.ts'),
    secret: notBuilt('Secrets of a swarm'),
    service: notBuilt('Services of a swarm'),
    stack: notBuilt('Applications on a swarm'),
    start: 'container start',
    stats: 'container stats',
    stop: 'container stop',
    swarm: notBuilt('Swarms of engines'),
    system,
    tag: 'image tag',
    top: 'container top',
    trust,
    unpause: 'container unpause',
    update: 'container update',
    version: () => import('./commands/version.ts'),
    volume,
    wait: 'container wait',
  },
};
