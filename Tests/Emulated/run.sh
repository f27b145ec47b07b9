#!/bin/sh
# Runs the kernels' checks natively and, for NEON, on an emulated 64-bit ARM processor, and compares the results' bits.
# Needs clang, and for the emulation (Debian, Ubuntu): gcc-aarch64-linux-gnu and qemu-user, which are installed if they are
# absent and this may do so. Another clang than the one on the path or beside `swift`: CLANG=/path/to/clang.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kernels="$here/../../Sources/CKernels"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "${CLANG:-}" ]; then
    beside_swift="$(dirname "$(readlink -f "$(command -v swift || echo /)")")/clang"
    if [ -x "$beside_swift" ]; then
        CLANG=$beside_swift
    else
        CLANG=$(command -v clang) || { echo "run.sh: no clang; set CLANG" >&2; exit 2; }
    fi
fi

if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
    echo "run.sh: installing gcc-aarch64-linux-gnu and qemu-user"
    root=""
    [ "$(id -u)" = 0 ] || root="sudo -n"
    if ! { $root apt-get update && $root apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu \
        libc6-dev-arm64-cross qemu-user; } >"$work/install.log" 2>&1; then
        tail -n 5 "$work/install.log" >&2
        echo "run.sh: could not install gcc-aarch64-linux-gnu and qemu-user; install them and run this again" >&2
        exit 2
    fi
fi

flags="-std=gnu11 -O2 -Wall -Wextra -Werror -I$kernels/include"
arm_libraries=$(dirname "$(aarch64-linux-gnu-gcc -print-libgcc-file-name)")

# shellcheck disable=SC2086
"$CLANG" $flags "$kernels"/*.c "$here/kernels_check.c" -o "$work/native" -lm -lpthread
# shellcheck disable=SC2086
"$CLANG" --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include $flags "$kernels"/*.c \
    "$here/kernels_check.c" -o "$work/emulated" -static -fuse-ld=lld -L"$arm_libraries" \
    -L/usr/aarch64-linux-gnu/lib -B"$arm_libraries" -B/usr/aarch64-linux-gnu/lib -lm -lpthread

status=0
"$work/native" >"$work/native.txt" || status=1
cat "$work/native.txt"
qemu-aarch64 -cpu max "$work/emulated" >"$work/emulated.txt" || status=1
cat "$work/emulated.txt"
for table in neon neondot neonbf16; do
    if ! grep -q "^$table: " "$work/emulated.txt"; then
        echo "run.sh: the emulated processor did not run the kernels $table" >&2
        status=1
    fi
done
for kind in fingerprint chained; do
    if [ "$(cat "$work/native.txt" "$work/emulated.txt" | grep "^$kind " | sort -u | wc -l)" != 1 ]; then
        echo "run.sh: the paths give different bits ($kind)" >&2
        status=1
    fi
done
exit $status
