using Culvert.Interop.Native;

namespace Culvert.Interop.Memory;

/// <summary>The C library's heap, which OpenSSL, libbpf and the runtime take memory from; malloc_trim(3), mallinfo2(3), mallopt(3). Thread-safe.</summary>
public static class NativeHeap
{
    /// <summary>Bytes that were given back to the heap and not by it to the system, or that it can never give back; 0 where the C library is not glibc.</summary>
    public static long FreeBytes
    {
        get
        {
            try
            {
                return (long)Libc.mallinfo2().FreeBytes;
            }
            catch (EntryPointNotFoundException)
            {
                return 0;
            }
        }
    }

    /// <summary>
    /// Has threads that begin from now on share the heaps that there are, in place of one for each. Worth it where few threads take much native memory, and each keeps a little of what it has
    /// freed for itself anyway. Nothing happens where the C library is not glibc.
    /// </summary>
    public static void ShareAmongThreads()
    {
        try
        {
            _ = Libc.mallopt(Libc.M_ARENA_MAX, 1);
        }
        catch (EntryPointNotFoundException)
        {
            // Other C libraries have no heaps of threads.
        }
    }

    /// <summary>Gives whole pages among the free bytes back to the system. Whoever allocates meanwhile waits, about a millisecond for 10 MB. Nothing happens where the C library is not glibc.</summary>
    public static void Trim()
    {
        try
        {
            _ = Libc.malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Other C libraries give back by themselves.
        }
    }
}
