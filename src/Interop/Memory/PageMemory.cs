using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Culvert.Interop.Memory;

/// <summary>
/// A range of addresses whose pages the system provides when they are written, and takes back when they are released, at once: unlike those of the managed heap,
/// which stay the process's for long. Parts may be used by one thread each.
/// </summary>
public sealed unsafe class PageMemory : SafeHandle
{
    private readonly long _length;

    private PageMemory(nint address, long length)
        : base(-1, ownsHandle: true)
    {
        _length = length;
        SetHandle(address);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>Sets a range aside; it costs no memory yet.</summary>
    /// <param name="length">Bytes, 1 or more.</param>
    /// <exception cref="KernelException">The process may have no more addresses.</exception>
    public static PageMemory Create(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        nint address = (nint)LibC.mmap(null, (size_t)(ulong)length, LibC.PROT_READ | LibC.PROT_WRITE, LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | LibC.MAP_NORESERVE, -1, 0);
        if (address == -1) throw new KernelException($"set {length} bytes of addresses aside", Marshal.GetLastPInvokeError());

        // Huge pages would keep 2 MiB for one buffer. A kernel without them says no.
        _ = LibC.madvise((void*)address, (size_t)(ulong)length, LibC.MADV_NOHUGEPAGE);
        return new PageMemory(address, length);
    }

    /// <summary>A part of the range; not to be used after this object was disposed.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Bytes.</param>
    public Span<byte> GetSpan(long offset, int length)
    {
        Check(offset, length);
        return new Span<byte>((void*)(handle + (nint)offset), length);
    }

    /// <summary>Gives the pages of a part back to the system; what is read there next is zero.</summary>
    /// <param name="offset">A multiple of the size of a page.</param>
    /// <param name="length">A multiple of the size of a page.</param>
    public void Release(long offset, int length)
    {
        Check(offset, length);
        if (LibC.madvise((void*)(handle + (nint)offset), (size_t)(ulong)length, LibC.MADV_DONTNEED) != 0) throw new KernelException("give pages back", Marshal.GetLastPInvokeError());
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibC.munmap((void*)handle, (size_t)(ulong)_length) == 0;

    private void Check(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _length - length);
    }
}
