using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// sys/mman.h, malloc.h
internal static unsafe partial class Libc
{
    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;
    internal const int MAP_PRIVATE = 0x02;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;
    internal const int MADV_DONTNEED = 4;
    internal const int MADV_NOHUGEPAGE = 15;

    /// <summary>-1 (MAP_FAILED) on failure.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport(Library)]
    internal static partial int malloc_trim(nuint pad);

    internal const int M_ARENA_MAX = -8;

    [LibraryImport(Library)]
    internal static partial int mallopt(int parameter, int value);

    [LibraryImport(Library)]
    internal static partial HeapInfo mallinfo2();

    /// <summary>struct mallinfo2.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct HeapInfo
    {
        internal nuint Arena;
        internal nuint FreeChunks;
        internal nuint FastFreeChunks;
        internal nuint MappedChunks;
        internal nuint MappedBytes;
        internal nuint MostAllocated;
        internal nuint FastFreeBytes;
        internal nuint UsedBytes;
        internal nuint FreeBytes;
        internal nuint TopBytes;
    }
}
