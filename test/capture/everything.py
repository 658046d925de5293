"""
Makes mounts and loop filesystems at random below the given directory, runs the command that follows, and prints its output
after one line of JSON that says what is there. Needs a mount namespace of its own. Loop devices are detached at the end.
"""
import json, os, random, subprocess, sys

base, seed, *command = sys.argv[1:]
chance = random.Random(int(seed))
names = ["plain", "with space", 'quo"te', "new\nline", "tab\t", "back\\slash", "\x1b[31m", os.fsdecode(b"\xff\xfe"), "ü"]
loops, images, targets, skipped = [], [], [], []


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True).stdout.decode(errors="surrogateescape").strip()


def directory():
    path = os.path.join(chance.choice([base, *targets]), f"{len(targets)}-{chance.choice(names)}")
    os.makedirs(path, exist_ok=True)
    return path


def tmpfs(path):
    run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path)


def bind(path):
    run("mount", "--bind", chance.choice([base, *targets]), path)


def image(path, size, make, mounted=True):
    file = os.path.join(base, f"image{len(loops)}")
    with open(file, "wb") as out:
        out.truncate(size << 20)
    device = run("losetup", "--find", "--show", file)
    loops.append(device)
    images.append(file)
    if make:
        run(*make, device)
    if mounted:
        run("mount", device, path)


makers = [
    tmpfs,
    tmpfs,
    bind,
    bind,
    bind,
    lambda path: image(path, 8, ["mkfs.ext4", "-q"]),
    lambda path: image(path, 8, ["mkfs.ext2", "-q"]),
    lambda path: image(path, 310, ["mkfs.xfs", "-q"]),
    lambda path: image(path, 120, ["mkfs.btrfs", "-q"]),
]
try:
    image(None, 8, ["mkfs.ext4", "-q"], mounted=False)
    image(None, 8, ["mkfs.vfat"], mounted=False)
    image(None, 8, ["mkswap", "-q"], mounted=False)
    image(None, 8, None, mounted=False)
    for _ in range(chance.randint(15, 30)):
        path = directory()
        try:
            chance.choice(makers)(path)
            targets.append(path)
        except FileNotFoundError as problem:
            skipped.append(str(problem))
    with open("/proc/self/mountinfo", "rb") as table:
        mounts = [os.fsdecode(line.split(b" ")[4]) for line in table]
    print(json.dumps({"mounts": mounts, "images": images, "skipped": skipped}), flush=True)
    sys.stdout.buffer.write(subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout)
finally:
    for path in reversed(targets):
        subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
    for device in loops:
        subprocess.run(["losetup", "--detach", device], check=False)
