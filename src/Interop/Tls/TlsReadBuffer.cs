using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>
/// Gives a connection the read buffer for data as soon as its peer has proven its key. Since OpenSSL 3.2 the buffer of a direction gets its length with
/// the keys, and those for data are made before the handshake is over.
/// </summary>
internal static class TlsReadBuffer
{
    // Of the connection whose handshake this thread is in; 0: none.
    [ThreadStatic]
    private static int _length;

    /// <summary>A step of a handshake begins.</summary>
    /// <param name="length">Bytes of the buffer for data.</param>
    internal static void Begin(int length) => _length = length;

    /// <summary>The step is over.</summary>
    internal static void End() => _length = 0;

    /// <summary>OpenSSL goes on to its next state.</summary>
    internal static void OnState(nint ssl)
    {
        if (_length == 0 || OpenSsl.SSL_get_state(ssl) is not (OpenSsl.TLS_ST_CR_CERT_VRFY or OpenSsl.TLS_ST_SR_CERT_VRFY)) return;
        OpenSsl.SSL_set_default_read_buffer_len(ssl, (nuint)_length);
    }
}
