namespace Culvert.Http2;

/// <summary>Why a connection was ended, finer than the error code on the wire; meant for logs and metric labels. Append only.</summary>
public enum Http2CloseReason
{
    /// <summary>The connection is not closed.</summary>
    None = 0,

    /// <summary>This side asked for it (<see cref="Http2Connection.GoAway"/>).</summary>
    Local = 1,

    /// <summary>The transport below ended (<see cref="Http2Connection.TransportClosed"/>).</summary>
    Transport = 2,

    /// <summary>The first bytes were not the HTTP/2 connection preface.</summary>
    BadPreface = 3,

    /// <summary>The peer broke a rule of the framing layer or of a stream's state.</summary>
    Protocol = 4,

    /// <summary>A frame's length is not allowed.</summary>
    FrameSize = 5,

    /// <summary>The peer sent more than the window allows, or overflowed one.</summary>
    FlowControl = 6,

    /// <summary>A header block could not be decompressed.</summary>
    Compression = 7,

    /// <summary>A setting had a value that is not allowed.</summary>
    BadSetting = 8,

    /// <summary>The preface, SETTINGS or its acknowledgement did not come within <see cref="Http2Options.SettingsTimeout"/>.</summary>
    SettingsTimeout = 9,

    /// <summary>A keep-alive PING was not answered within <see cref="Http2Options.KeepAliveTimeout"/>.</summary>
    KeepAliveTimeout = 10,

    /// <summary>Too many streams reset too early (<see cref="Http2Options.MaxPrematureResets"/>, CVE-2023-44487 and CVE-2025-8671).</summary>
    RapidReset = 11,

    /// <summary>A header block came in too many CONTINUATION frames or bytes (<see cref="Http2Options.MaxContinuationFrames"/>, CVE-2024-27316).</summary>
    ContinuationFlood = 12,

    /// <summary>Too many control or empty frames without useful ones (<see cref="Http2Options.ControlFrameBurst"/>, CVE-2019-9512 to 9518).</summary>
    ControlFlood = 13,

    /// <summary>The peer does not read what it makes this side send (<see cref="Http2Options.MaxOutputBytes"/>).</summary>
    OutputOverflow = 14,

    /// <summary>The peer kept the send window closed for <see cref="Http2Options.WindowStallTimeout"/> (CVE-2019-9511).</summary>
    WindowStall = 15,
}
