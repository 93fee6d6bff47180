namespace Culvert.Interop.Tls;

/// <summary>The outcome of one TLS call.</summary>
public enum TlsStatus
{
    /// <summary>Done; for reads and writes, the count says how much.</summary>
    Done,

    /// <summary>Call again when the socket is readable.</summary>
    WantRead,

    /// <summary>Call again when the socket is writable.</summary>
    WantWrite,

    /// <summary>The peer ended the connection (close_notify or FIN).</summary>
    Closed,

    /// <summary>The socket failed; the error number tells how.</summary>
    SocketError,

    /// <summary>TLS failed: a bad record, an alert, a refused certificate. The reason text tells.</summary>
    Failed,
}
