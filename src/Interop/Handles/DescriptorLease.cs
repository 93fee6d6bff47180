using System.Runtime.InteropServices;

namespace Culvert.Interop.Handles;

/// <summary>Keeps a handle open for the length of a native call; dispose in the same scope.</summary>
internal readonly ref struct DescriptorLease
{
    private readonly SafeHandle _handle;

    /// <summary>Takes a reference on the handle.</summary>
    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    internal DescriptorLease(SafeHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        bool taken = false;
        handle.DangerousAddRef(ref taken);
        _handle = handle;
    }

    /// <summary>The descriptor number.</summary>
    internal int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>The handle as a pointer, for handles over native objects.</summary>
    internal nint Pointer => _handle.DangerousGetHandle();

    /// <summary>Gives the reference back.</summary>
    public void Dispose() => _handle.DangerousRelease();
}
