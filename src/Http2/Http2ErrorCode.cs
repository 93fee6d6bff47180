namespace Culvert.Http2;

/// <summary>Error codes of RST_STREAM and GOAWAY (RFC 9113, section 7). Unknown values from a peer are passed on as they are.</summary>
public enum Http2ErrorCode
{
    /// <summary>Graceful end.</summary>
    NoError = 0x0,

    /// <summary>Unspecific protocol violation.</summary>
    ProtocolError = 0x1,

    /// <summary>Unexpected internal error.</summary>
    InternalError = 0x2,

    /// <summary>The peer broke flow control.</summary>
    FlowControlError = 0x3,

    /// <summary>SETTINGS was not acknowledged in time.</summary>
    SettingsTimeout = 0x4,

    /// <summary>A frame arrived for a half-closed or closed stream.</summary>
    StreamClosed = 0x5,

    /// <summary>A frame had an invalid size.</summary>
    FrameSizeError = 0x6,

    /// <summary>The stream was refused before any processing; it is safe to try again.</summary>
    RefusedStream = 0x7,

    /// <summary>The stream is no longer needed.</summary>
    Cancel = 0x8,

    /// <summary>The header compression context cannot be kept.</summary>
    CompressionError = 0x9,

    /// <summary>The TCP connection behind a CONNECT request was reset or closed abnormally.</summary>
    ConnectError = 0xa,

    /// <summary>The peer causes too much load.</summary>
    EnhanceYourCalm = 0xb,

    /// <summary>The transport is not secure enough.</summary>
    InadequateSecurity = 0xc,

    /// <summary>HTTP/1.1 is required.</summary>
    Http11Required = 0xd,
}
