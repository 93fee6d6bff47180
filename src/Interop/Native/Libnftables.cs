using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>nftables/libnftables.h; names and constants keep their native spelling.</summary>
internal static unsafe partial class Libnftables
{
    internal const string Library = "libnftables.so.1";

    internal const uint NFT_CTX_DEFAULT = 0;
    internal const uint NFT_CTX_OUTPUT_HANDLE = 1 << 3;
    internal const uint NFT_CTX_OUTPUT_JSON = 1 << 4;
    internal const uint NFT_CTX_OUTPUT_NUMERIC_PROTO = 1 << 7;
    internal const uint NFT_CTX_OUTPUT_NUMERIC_PRIO = 1 << 8;
    internal const uint NFT_CTX_OUTPUT_NUMERIC_SYMBOL = 1 << 9;

    /// <summary>A context with a netlink socket in the calling thread's network namespace; 0 when there is no memory. Ends the process when there is no socket.</summary>
    [LibraryImport(Library)]
    internal static partial nint nft_ctx_new(uint flags);

    [LibraryImport(Library)]
    internal static partial void nft_ctx_free(nint context);

    /// <summary>Sets all flags of the output (NFT_CTX_OUTPUT_*); what it returns differs by version.</summary>
    [LibraryImport(Library)]
    internal static partial void nft_ctx_output_set_flags(nint context, uint flags);

    /// <summary>Keeps what the next command prints; 0, or 1 when there is no memory.</summary>
    [LibraryImport(Library)]
    internal static partial int nft_ctx_buffer_output(nint context);

    /// <summary>What the last command printed, until the next one.</summary>
    [LibraryImport(Library)]
    internal static partial byte* nft_ctx_get_output_buffer(nint context);

    /// <summary>Keeps what the next command complains about; 0, or 1 when there is no memory.</summary>
    [LibraryImport(Library)]
    internal static partial int nft_ctx_buffer_error(nint context);

    /// <summary>What the last command complained about, until the next one.</summary>
    [LibraryImport(Library)]
    internal static partial byte* nft_ctx_get_error_buffer(nint context);

    /// <summary>Runs commands as one transaction; 0, or -1 with the reason in the error buffer.</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int nft_run_cmd_from_buffer(nint context, string commands);
}
