namespace Culvert.Http2;

/// <summary>Outcome of feeding bytes to, or checking the timers of, a connection.</summary>
/// <param name="Reason"><see cref="Http2CloseReason.None"/> while the connection goes on; otherwise why it ended.</param>
/// <param name="Code">The error code announced in GOAWAY.</param>
/// <param name="Message">A constant English sentence for the log; empty while the connection goes on.</param>
public readonly record struct Http2ReceiveResult(Http2CloseReason Reason, Http2ErrorCode Code, string Message)
{
    /// <summary>The connection goes on.</summary>
    public static readonly Http2ReceiveResult Ok = new(Http2CloseReason.None, Http2ErrorCode.NoError, string.Empty);

    /// <summary>True when the connection has ended: write out what is pending (it holds the GOAWAY), then close the transport.</summary>
    public bool IsClosed => Reason != Http2CloseReason.None;
}
