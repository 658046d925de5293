"""
Edits a tree at random: random-edits.py DIRECTORY SEED. What it makes in an empty one is a start. Prints nothing.
"""
import os, random, sys

top, seed = sys.argv[1:]
chance = random.Random(int(seed))
os.chdir(top)
root = os.getuid() == 0


def paths(kind=None):
    found = []
    for base, directories, files in os.walk(b"."):
        for name in sorted(directories) + sorted(files):
            path = os.path.join(base, name)
            if kind is None or kind(path):
                found.append(path)
    return sorted(found)


def is_file(path):
    return os.path.isfile(path) and not os.path.islink(path)


def is_directory(path):
    return os.path.isdir(path) and not os.path.islink(path)


def some(kind=None):
    found = paths(kind)
    return chance.choice(found) if found else None


def name():
    parts = [b"a", b"b", b"zz", b" ", b"\n", b"\xff", "ü".encode(), b"-", b".", b"x" * 60, b"*", b"\\"]
    return b"n" + b"".join(chance.choice(parts) for _ in range(chance.randint(1, 3)))


def place():
    return os.path.join(chance.choice([b"."] + paths(is_directory)), name())


def free():
    while os.path.lexists(path := place()):
        pass
    return path


def content():
    return chance.randbytes(chance.choice([0, 1, 511, 512, 513, 3000, 70000]))


def create():
    with open(free(), "wb") as out:
        out.write(content())


def rewrite():
    if (path := some(is_file)) is None:
        return
    before = os.lstat(path)
    with open(path, "r+b") as out:
        data = bytearray(out.read())
        if data:
            data[chance.randrange(len(data))] ^= 1 + chance.randrange(255)
        out.seek(0), out.write(data)
    if chance.random() < 0.5:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace():
    if (path := some(is_file)) is not None:
        with open(path, "wb") as out:
            out.write(content())


def sparse():
    with open(free(), "wb") as out:
        out.truncate(chance.choice([100000, 1 << 20, 9 << 20]))
        for _ in range(chance.randint(0, 3)):
            out.seek(chance.randrange(1 << 20)), out.write(b"data" * chance.randint(1, 2000))


def remove(path=None):
    path = path or some()
    if path is None:
        return
    if is_directory(path):
        for base, directories, files in os.walk(path, topdown=False):
            for one in files:
                os.unlink(os.path.join(base, one))
            for one in directories:
                inner = os.path.join(base, one)
                os.unlink(inner) if os.path.islink(inner) else os.rmdir(inner)
        os.rmdir(path)
    else:
        os.unlink(path)


def move():
    path, to = some(), free()
    if path is not None and not to.startswith(path + b"/"):
        os.rename(path, to)


def retype():
    if (path := some()) is None:
        return
    remove(path)
    chance.choice([lambda: os.mkdir(path), lambda: os.symlink(name(), path), lambda: os.mkfifo(path), lambda: open(path, "wb").close()])()


def link():
    if (path := some(lambda one: not is_directory(one))) is not None:
        os.link(path, free(), follow_symlinks=False)


def mode():
    path = some(lambda one: not os.path.islink(one))
    if path is not None:
        os.chmod(path, chance.choice([0o644, 0o755, 0o700, 0o4711, 0o1777]))


def owner():
    if root and (path := some()) is not None:
        os.chown(path, chance.randrange(5), chance.randrange(5), follow_symlinks=False)


def attribute():
    if (path := some(lambda one: is_file(one) or is_directory(one))) is not None:
        os.setxattr(path, f"user.{chance.randrange(3)}", chance.randbytes(chance.randrange(40)))


def directory():
    os.mkdir(free())


makers = [create, create, create, rewrite, rewrite, replace, sparse, remove, move, move, retype, link, link, mode, owner, attribute, directory, directory]
for _ in range(60 if not os.listdir(".") else chance.randint(1, 15)):
    chance.choice(makers)()
