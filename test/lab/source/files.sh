# The checker, second part: every file, by the plain tools. $1 is what it looks below; further arguments are left out, as patterns of `find -path`.
# Between sections stands "==" in two NUL; names are separated by NUL, as they may hold anything.
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
top=$1; shift
out=()
for pattern; do out+=(-path "$pattern" -prune -o); done
list() { find "$top" "${out[@]}" "$@"; }

# Name; type, mode, owner, group, change of content, bytes, 512s of them on disk, names, number, target.
list -printf '%p\0%y %m %U:%G %T@ %s %b %n %D:%i %l\0'
printf '\0==\0'
list -type f -print0 | xargs -0r sha256sum -z
printf '\0==\0'
list \( -type b -o -type c \) -print0 | xargs -0r stat --printf '%n %t:%T\0'
printf '\0==\0'
# Capabilities, ACLs and everything else that hangs on a file.
list -print0 | xargs -0r getfattr -h -d -m - -e hex --absolute-names 2> /dev/null
printf '\0==\0'
list \( -type f -o -type d \) -print0 | xargs -0r lsattr -d 2> /dev/null
printf '\0==\0'
list -type f -print0 | xargs -0r getcap
printf '\0==\0'
list ! -type l -print0 | xargs -0r getfacl -p -n -s 2> /dev/null
