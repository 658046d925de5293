"""A tree with everything a filesystem can hold, and a listing of a tree: independent of lifeboat's own code.

nasty-tree.py make DIRECTORY      as root everything, otherwise what a user may make
nasty-tree.py list DIRECTORY      one line of JSON for each entry, sorted
"""
import hashlib, json, os, struct, sys

def acl(entries):
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)

NOBODY = 0xffffffff
root = os.getuid() == 0
# Without root only ids of one's own can be restored.
user, group = (4242, 4343) if root else (os.getuid(), os.getgid())

def write(path, data=b''):
    with open(path, 'wb') as file:
        file.write(data)

def make(top):
    os.chdir(top)
    write(b'plain', b'hello\n')
    write(b'empty')
    write(b'big', bytes(range(256)) * 12000)
    for name in (b'not utf-8 \xff\xfe', b'new\nline', b'back\\slash\\n', b'-dash', b'--checkpoint-action=exec=x', b' lead and trail ',
                 b'quo"te\'s', b'*glob[x]?', b'.hidden', b'tab\tbell\x07', 'größe €'.encode(), b'n' * 255, b'@long', b'#x'):
        write(name, b'content of ' + name)
    deep = b'deep'
    for _ in range(6):
        deep += b'/' + b'd' * 100
        os.makedirs(deep, exist_ok=True)
    write(deep + b'/leaf', b'leaf')
    os.mkdir(b'empty dir')
    os.mkdir(b'x'), write(b'x/f'), write(b'x.y'), write(b'x-y')
    write(b'first', b'one inode'), os.link(b'first', b'second'), os.mkdir(b'links'), os.link(b'first', b'links/third')
    os.symlink(b'/absolute/nowhere', b'sym abs'), os.symlink(b'../../up', b'sym up'), os.symlink(b's' * 300, b'sym long')
    os.symlink(b'not utf-8 \xff', b'sym \xff')
    os.mkfifo(b'fifo')
    with open(b'sparse', 'wb') as file:
        file.truncate(1 << 30)
        for offset in (0, 5 << 20, (1 << 30) - 3):
            file.seek(offset), file.write(b'end')
    with open(b'hole only', 'wb') as file:
        file.truncate(3 << 20)
    with open(b'sparse links', 'wb') as file:
        file.seek(1 << 20), file.write(b'x' * 5000), file.truncate(2 << 20)
    os.link(b'sparse links', b'sparse second')
    os.setxattr(b'plain', 'user.binary', b'\0\xff=\n12 user.x=y\n')
    os.setxattr(b'plain', 'user.empty', b''), os.setxattr(b'plain', 'user.a=b%3D%25', b'odd name')
    os.setxattr(b'plain', b'user.\xff\xfe', b'name not utf-8'), os.setxattr(b'x', 'user.dir', b'd' * 2000)
    os.setxattr(b'plain', 'system.posix_acl_access', acl([(1, 6, NOBODY), (2, 4, user), (4, 4, NOBODY), (8, 2, group), (16, 6, NOBODY), (32, 0, NOBODY)]))
    os.setxattr(b'x', 'system.posix_acl_default', acl([(1, 7, NOBODY), (2, 5, user), (4, 5, NOBODY), (16, 5, NOBODY), (32, 5, NOBODY)]))
    for name, mode in ((b'.hidden', 0o400), (b'empty', 0o4755), (b'-dash', 0o2755), (b'empty dir', 0o1777), (b'x', 0o2770)):
        os.chmod(name, mode)
    if root:
        os.mknod(b'null', 0o20666, os.makedev(1, 3)), os.mknod(b'block', 0o60600, os.makedev(259, 70000))
        os.setxattr(b'plain', 'trusted.t', b'root only'), os.setxattr(b'sym abs', 'trusted.link', b'of the link', follow_symlinks=False)
        os.setxattr(b'empty', 'security.capability', struct.pack('<IIIII', 0x02000001, 0x400, 0, 0, 0))
        os.chown(b'new\nline', 123456, 3000000000), os.chown(b'sym up', 7, 8, follow_symlinks=False), os.chown(b'x', 1001, 1002)
        os.chmod(b'x', 0o2770), os.chown(b'first', 33, 33), write(b'locked'), os.chmod(b'locked', 0)
    for index, name in enumerate((b'plain', b'fifo', b'first', b'sparse', b'sym abs', b'links', b'empty dir')):
        os.utime(name, ns=(0, 1234567890123456789 + index), follow_symlinks=False)
    os.utime(b'empty', ns=(0, -5000000001)), os.utime(b'big', ns=(0, 0)), os.utime(b'x.y', ns=(0, 12345678901 * 10**9))

def entry(path, inodes):
    info = os.lstat(path)
    digest = None
    if (info.st_mode & 0o170000) == 0o100000:
        sha = hashlib.sha256()
        with open(path, 'rb') as file:
            while data := file.read(1 << 20):
                sha.update(data)
        digest = sha.hexdigest()
    link = os.readlink(path) if (info.st_mode & 0o170000) == 0o120000 else None
    xattrs = {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}
    directory = (info.st_mode & 0o170000) == 0o040000
    return [repr(path), oct(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns, None if directory else info.st_size, info.st_rdev,
            None if directory else info.st_nlink, repr(inodes.setdefault((info.st_dev, info.st_ino), path)), repr(link), digest, repr(sorted(xattrs.items()))]

def listing(top):
    os.chdir(top)
    paths = [b'.']
    for base, directories, files in os.walk(b'.'):
        paths += [os.path.join(base, name) for name in directories + files]
    inodes = {}
    for path in sorted(paths):
        print(json.dumps(entry(path, inodes)))

{'make': make, 'list': listing}[sys.argv[1]](os.fsencode(sys.argv[2]))
