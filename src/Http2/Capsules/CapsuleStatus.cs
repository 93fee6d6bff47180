namespace Culvert.Http2.Capsules;

/// <summary>What <see cref="CapsuleReader.Read"/> found.</summary>
public enum CapsuleStatus
{
    /// <summary>The input is used up.</summary>
    NeedMore,

    /// <summary>A DATAGRAM capsule is whole.</summary>
    Datagram,

    /// <summary>A capsule of another type began; the reader skips it, as RFC 9297 (section 3.2) demands.</summary>
    Unknown,

    /// <summary>A DATAGRAM capsule is announced longer than allowed: reset the stream, this reader reads no further.</summary>
    TooLong,

    /// <summary>A DATAGRAM capsule comes in pieces for which there is no room; the reader skips it.</summary>
    NoRoom,
}
