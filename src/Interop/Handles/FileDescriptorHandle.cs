using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Culvert.Interop.Handles;

/// <summary>Owns one file descriptor and closes it once. Safe to use from several threads.</summary>
public class FileDescriptorHandle : SafeHandleMinusOneIsInvalid
{
    /// <summary>An empty handle; the interop marshaller needs it.</summary>
    public FileDescriptorHandle()
        : base(ownsHandle: true)
    {
    }

    /// <summary>Takes a descriptor over.</summary>
    /// <param name="descriptor">An open descriptor, or -1.</param>
    /// <param name="ownsHandle">Whether disposing closes it.</param>
    public FileDescriptorHandle(int descriptor, bool ownsHandle = true)
        : base(ownsHandle) => SetHandle(descriptor);

    /// <summary>The number; valid only while this handle is kept alive by the caller.</summary>
    public int Descriptor => (int)DangerousGetHandle();

    /// <summary>Copies a descriptor (close-on-exec), so that both have their own life.</summary>
    /// <param name="source">Any handle over a descriptor.</param>
    /// <returns>The copy.</returns>
    /// <exception cref="KernelException">The process has no free descriptor, or the source is closed.</exception>
    public static FileDescriptorHandle Duplicate(SafeHandle source)
    {
        using DescriptorLease lease = new(source);
        return Duplicate(lease.Descriptor);
    }

    internal static FileDescriptorHandle Duplicate(int descriptor)
    {
        int copy = LibC.fcntl(descriptor, LibC.F_DUPFD_CLOEXEC, 0);
        if (copy < 0) throw new KernelException($"duplicate file descriptor {descriptor}", Marshal.GetLastPInvokeError());
        return new FileDescriptorHandle(copy);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;
}
