using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Culvert.Interop.Netlink;

namespace Culvert.Interop.Netfilter;

/// <summary>
/// The packet filter rules (nftables) of one network namespace, by the language of nft(8): libnftables does what that program does. Safe to use from several threads;
/// one command of the process at a time, since the library keeps what it knows of links in common.
/// </summary>
public sealed unsafe class NftContext : IDisposable
{
    // Numbers instead of names that /etc/protocols and its kin would give, so that what is read is the same everywhere.
    private const uint Numeric = Libnftables.NFT_CTX_OUTPUT_NUMERIC_PROTO | Libnftables.NFT_CTX_OUTPUT_NUMERIC_PRIO | Libnftables.NFT_CTX_OUTPUT_NUMERIC_SYMBOL;
    private static readonly Lock s_library = new();
    private readonly NftContextHandle _handle;

    private NftContext(NftContextHandle handle) => _handle = handle;

    /// <summary>Whether this machine has the library.</summary>
    public static bool IsInstalled => NativeLibrary.TryLoad(Libnftables.Library, out _);

    /// <summary>Opens the namespace that the calling thread is in.</summary>
    /// <returns>The context; it stays in that namespace.</returns>
    /// <exception cref="NftException">libnftables is not installed, or this kernel has no netfilter.</exception>
    public static NftContext Open()
    {
        try
        {
            // The library ends the process when it gets no socket: ask first.
            using (new NetlinkSocket(groups: 0, Libc.NETLINK_NETFILTER))
            {
                lock (s_library) return new NftContext(Make());
            }
        }
        catch (NetlinkException e)
        {
            throw new NftException($"the kernel has no netfilter that can be asked: {e.Message}", e);
        }
        catch (DllNotFoundException e)
        {
            throw new NftException($"{Libnftables.Library} is not installed; it comes with the package libnftables1 (Debian, Ubuntu), nftables-libs or nftables (others)", e);
        }
        catch (EntryPointNotFoundException e)
        {
            throw new NftException($"{Libnftables.Library} is not the library of nftables that was expected: {e.Message}", e);
        }
    }

    /// <summary>Opens a namespace; the calling thread visits it only while this runs.</summary>
    /// <param name="network">The namespace.</param>
    /// <returns>The context.</returns>
    /// <exception cref="NftException">As for <see cref="Open()"/>.</exception>
    /// <exception cref="KernelException">The namespace can't be entered.</exception>
    public static NftContext Open(NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Run(Open);
    }

    /// <summary>Runs commands, all of them or none.</summary>
    /// <param name="commands">As nft -f takes them, or as JSON.</param>
    /// <returns>What nft prints, with rules as text; empty for commands that change something.</returns>
    /// <exception cref="NftException">nft refused; nothing was changed.</exception>
    public string Run(string commands) => Run(commands, Numeric);

    /// <summary>Runs commands and takes their answer as JSON (libnftables-json(5)), with handles and with numbers instead of names.</summary>
    /// <param name="commands">For example <c>list ruleset</c>.</param>
    /// <returns>An object with the member <c>nftables</c>; empty for commands that change something.</returns>
    /// <exception cref="NftException">nft refused; nothing was changed.</exception>
    public string RunJson(string commands) => Run(commands, Numeric | Libnftables.NFT_CTX_OUTPUT_JSON | Libnftables.NFT_CTX_OUTPUT_HANDLE);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (s_library) _handle.Dispose();
    }

    private string Run(string commands, uint output)
    {
        ArgumentException.ThrowIfNullOrEmpty(commands);
        lock (s_library)
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            nint context = _handle.DangerousGetHandle(); // closed under the same lock only
            Libnftables.nft_ctx_output_set_flags(context, output);
            int result = Libnftables.nft_run_cmd_from_buffer(context, commands);
            string error = Marshal.PtrToStringUTF8((nint)Libnftables.nft_ctx_get_error_buffer(context)) ?? "";
            string answer = Marshal.PtrToStringUTF8((nint)Libnftables.nft_ctx_get_output_buffer(context)) ?? "";
            return result == 0 ? answer : throw new NftException($"nft refused: {(error.Length > 0 ? error.TrimEnd() : "no reason given")}");
        }
    }

    private static NftContextHandle Make()
    {
        NftContextHandle handle = new(Libnftables.nft_ctx_new(Libnftables.NFT_CTX_DEFAULT));
        if (!handle.IsInvalid && Libnftables.nft_ctx_buffer_output(handle.DangerousGetHandle()) == 0 && Libnftables.nft_ctx_buffer_error(handle.DangerousGetHandle()) == 0) return handle;
        handle.Dispose();
        throw new NftException("libnftables has no memory");
    }
}
