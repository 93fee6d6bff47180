using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>
/// Counts the messages of TLS itself (fresh keys, tickets) while a connection is read, and ends the reading when there are too many: a read goes on for as long as there are any,
/// with its thread in it, and each is much work (fresh keys: 5 us, measured with OpenSSL 3.0).
/// </summary>
internal static class TlsMessageCount
{
    // OpenSSL's own measure for records without anything in them (MAX_EMPTY_RECORDS), of which each message here is two steps. A peer has use for one now and then.
    private const int Most = 64;

    [ThreadStatic]
    private static int _count;

    /// <summary>Whether the reading was ended.</summary>
    internal static bool IsTooMany => _count > Most;

    /// <summary>Has the next read of this thread go on counting from here.</summary>
    /// <param name="count">What <see cref="Stop"/> said when the connection was read last; 0 when it has brought data since.</param>
    internal static void Start(int count) => _count = count;

    /// <summary>What was counted.</summary>
    internal static int Stop() => _count;

    /// <summary>Has what this thread does next not counted to an end: a handshake, which OpenSSL bounds itself.</summary>
    internal static void Ignore() => _count = int.MinValue;

    /// <summary>Called by OpenSSL at each step of its handshake's state machine, which handles later messages as well (SSL_CTX_set_info_callback).</summary>
    [UnmanagedCallersOnly]
    internal static void OnState(nint ssl, int where, int result)
    {
        // The next record then finds a peer that has ended its direction, and the read comes back.
        if ((where & OpenSsl.SSL_CB_LOOP) != 0 && ++_count > Most) OpenSsl.SSL_set_shutdown(ssl, OpenSsl.SSL_RECEIVED_SHUTDOWN);
    }
}
