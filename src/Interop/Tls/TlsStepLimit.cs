using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>
/// Ends a read that finds only messages of TLS itself (fresh keys, tickets): OpenSSL goes on reading for as long as there are any, with its thread in it, and each is
/// much work (fresh keys: 5 us, measured with OpenSSL 3.0). Each thread counts for the connection that it is reading.
/// </summary>
internal static class TlsStepLimit
{
    // OpenSSL's own limit for records without anything in them (MAX_EMPTY_RECORDS, 32), as each message is two steps. A peer has use for one now and then.
    private const int MaxSteps = 64;

    // 0: nothing is counted, as in handshakes and writes, which OpenSSL limits itself.
    [ThreadStatic]
    private static int _left;

    /// <summary>Whether so many steps without data are too many.</summary>
    internal static bool IsExceeded(int steps) => steps > MaxSteps;

    /// <summary>A read begins.</summary>
    /// <param name="steps">How many there were since the connection has brought data.</param>
    internal static void Begin(int steps) => _left = MaxSteps + 1 - steps;

    /// <summary>The read is over.</summary>
    /// <returns>How many steps there were, those given to <see cref="Begin"/> included.</returns>
    internal static int End()
    {
        int steps = MaxSteps + 1 - _left;
        _left = 0;
        return steps;
    }

    /// <summary>Called by OpenSSL at each step of its handshake's state machine, which handles later messages as well (SSL_CTX_set_info_callback).</summary>
    [UnmanagedCallersOnly]
    internal static void OnState(nint ssl, int where, int result)
    {
        if ((where & OpenSsl.SSL_CB_LOOP) != 0) TlsReadBuffer.OnState(ssl);

        // The next record then finds a peer that has ended its direction, and the read comes back.
        if ((where & OpenSsl.SSL_CB_LOOP) != 0 && _left > 0 && --_left == 0) OpenSsl.SSL_set_shutdown(ssl, OpenSsl.SSL_RECEIVED_SHUTDOWN);
    }
}
