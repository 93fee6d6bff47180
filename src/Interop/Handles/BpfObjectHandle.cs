using Culvert.Interop.Native;
using Microsoft.Win32.SafeHandles;

namespace Culvert.Interop.Handles;

/// <summary>Owns a <c>struct bpf_object</c> of libbpf.</summary>
internal sealed unsafe class BpfObjectHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal BpfObjectHandle(bpf_object* value)
        : base(ownsHandle: true) => SetHandle((nint)value);

    internal bpf_object* Value => (bpf_object*)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Libbpf.bpf_object__close((bpf_object*)handle);
        return true;
    }
}
