using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// sys/mman.h, malloc.h
internal static unsafe partial class Libc
{
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
