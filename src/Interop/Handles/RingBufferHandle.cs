using Culvert.Interop.Native;
using Microsoft.Win32.SafeHandles;

namespace Culvert.Interop.Handles;

/// <summary>Owns a <c>struct ring_buffer</c> of libbpf.</summary>
internal sealed unsafe class RingBufferHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal RingBufferHandle(ring_buffer* value)
        : base(ownsHandle: true) => SetHandle((nint)value);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Libbpf.ring_buffer__free((ring_buffer*)handle);
        return true;
    }
}
