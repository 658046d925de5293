"""
Makes a scene of filesystems, mounts over mounts, binds, subvolumes and files at random below the given directory, writes a
configuration that includes and excludes some of it, backs it up with the command that follows, and prints what its
coverage calls covered although a file of it is not in the archive. Needs a mount namespace of its own.
"""
import json, os, random, subprocess, sys

base, seed, repository, config, *command = sys.argv[1:]
chance = random.Random(int(seed))
scene = os.path.join(base, "scene")
os.makedirs(scene)
loops, tree = [], [scene]


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def fill(path, depth=2):
    for name in ("file", "x.o", "cache", "deep"):
        inner = os.path.join(path, name)
        if name in ("file", "x.o"):
            with open(inner, "w") as out:
                out.write(f"{inner} {chance.random()}")
        elif depth > 0:
            os.makedirs(inner, exist_ok=True)
            fill(inner, depth - 1)
            tree.append(inner)


def image(make, size):
    file = os.path.join(base, f"image{len(loops)}")
    with open(file, "wb") as out:
        out.truncate(size << 20)
    device = run("losetup", "--find", "--show", file)
    loops.append(device)
    run(*make, device)
    return device


def usable():
    return chance.choice([path for path in tree if os.path.isdir(path)] or [scene])


def mount(*argv):
    path = usable()
    subprocess.run(["mount", *argv, path], check=True, capture_output=True)
    return path


def pool():
    device = image(["mkfs.btrfs", "-q"], 120)
    top = mount(device)
    for name in ("@", "@/nested", "data"):
        run("btrfs", "subvolume", "create", os.path.join(top, name))
        fill(os.path.join(top, name), 1)
    run("btrfs", "subvolume", "snapshot", "-r", os.path.join(top, "data"), os.path.join(top, "snap"))
    if chance.random() < 0.6:
        run("umount", top)
    fill(mount("-o", "subvol=@", device), 0)
    if chance.random() < 0.5:
        mount("-o", "subvol=data", device)


def bind():
    mount("--bind", usable())


makers = [
    lambda: fill(mount("-t", "tmpfs", "-o", "size=1m", "tmpfs"), 1),
    lambda: fill(mount(image(["mkfs.ext4", "-q"], 8)), 1),
    lambda: mount(chance.choice(loops[:1] or [image(["mkfs.ext4", "-q"], 8)])),
    bind,
    bind,
    pool,
]
try:
    fill(scene)
    fill(mount(image(["mkfs.ext4", "-q"], 8)), 1)
    for _ in range(chance.randint(3, 8)):
        try:
            chance.choice(makers)()
        except subprocess.CalledProcessError as problem:
            # The kernel mounts no filesystem twice on itself: then there is one thing less.
            if problem.cmd[0] != "mount":
                raise
    mounts = [line.split()[4].decode() for line in open("/proc/self/mountinfo", "rb")]
    own = [path for path in mounts if path.startswith(scene)]
    include = [scene] + [path for path in own if chance.random() < 0.6 and os.path.isdir(path)] + [usable() for _ in range(2)]
    exclude = [pattern for pattern in (f"{scene}/*/cache", "*.o", usable()) if pattern != scene and chance.random() < 0.3]
    with open(config, "w") as out:
        out.write(json.dumps({"repository": f"file://{repository}", "host": "box", "backup": {"include": include, "exclude": exclude}}))
    backup = subprocess.run([*command, "backup"], check=False, capture_output=True, text=True)
    if backup.returncode not in (0, 4):
        sys.exit(backup.stdout)
    [record] = os.listdir(os.path.join(repository, "lifeboat/box/points"))
    captures = run("zstd", "-dc", os.path.join(repository, "lifeboat/box/captures", record))
    # What follows the first line seals it.
    point = json.loads(captures.split("\n")[0])
    table = json.loads(subprocess.run([*command, "points", "coverage"], check=True, capture_output=True).stdout)
    archive = os.path.join(repository, "tar/box", record.replace(".zst", ".tar.zst"))
    listing = subprocess.run(f"zstd -dc '{archive}' | tar -t", shell=True, check=True, capture_output=True, text=True).stdout
    stored = {"/" + line.rstrip("/") for line in listing.split("\n") if line}

    def is_there(path, content):
        return os.path.isfile(path) and open(path).read() == content

    def absent(path):
        """What lies there on the same device, and is not in the archive."""
        # It answers 1 where a bind makes a loop.
        argv = ["find", path, "-xdev", "-type", "f"]
        found = subprocess.run(argv, check=False, capture_output=True, text=True).stdout.split("\n")
        return [file for file in found if file and file not in stored]

    wrong = []
    for name, items in (("point", point["coverage"]), ("table", table["items"])):
        for item in items:
            if item["kind"] == "mount" and item["state"] == "covered" and item["subject"].startswith(scene):
                lacking = [file for file in absent(item["subject"]) if not item["reason"].startswith("the same files")]
                if lacking:
                    wrong.append([name, item["subject"], item["reason"], lacking[:3]])
            elif item["state"] == "covered" and item["kind"] in ("ext", "btrfs") and item["subject"] in loops:
                # Looked at from its top, by a mount that the backup did not see.
                top = os.path.join(base, "look")
                os.makedirs(top, exist_ok=True)
                options = ["-o", "subvolid=5"] if item["kind"] == "btrfs" else []
                subprocess.run(["mount", *options, item["subject"], top], check=True)
                contents = {
                    open(os.path.join(place, file)).read(): os.path.relpath(os.path.join(place, file), top)
                    for place, _, files in os.walk(top)
                    for file in files
                    if "/snap" not in place
                }
                subprocess.run(["umount", top], check=True)
                held = {line for line in stored if line.startswith(scene)}
                written = {open(path).read() for path in held if os.path.isfile(path)}
                # What lies in a directory under another mount is read by nobody, and cannot be known.
                shown = item["reason"].split(": ")[0]
                lacking = [
                    file
                    for file, inner in sorted(contents.items())
                    if file not in written
                    and is_there(os.path.join(shown, inner) if item["kind"] == "ext" else file.split()[0], file)
                ]
                if lacking:
                    wrong.append([name, item["subject"], item["reason"], lacking[:3]])
    covered = sum(item["state"] == "covered" for item in table["items"])
    print(json.dumps({"wrong": wrong, "covered": covered, "files": len(stored), "include": include, "exclude": exclude}))
finally:
    for device in loops:
        subprocess.run(["umount", "--lazy", device], check=False, capture_output=True)
    for _ in range(40):
        if subprocess.run(["umount", "--lazy", scene], check=False, capture_output=True).returncode != 0:
            break
    for device in loops:
        subprocess.run(["losetup", "--detach", device], check=False)
