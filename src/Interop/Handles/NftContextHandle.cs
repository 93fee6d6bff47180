using Culvert.Interop.Native;
using Microsoft.Win32.SafeHandles;

namespace Culvert.Interop.Handles;

/// <summary>Owns a <c>struct nft_ctx</c> of libnftables.</summary>
internal sealed class NftContextHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal NftContextHandle(nint value)
        : base(ownsHandle: true) => SetHandle(value);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Libnftables.nft_ctx_free(handle);
        return true;
    }
}
