namespace Culvert.Interop.Sockets;

/// <summary>The outcome of one socket call: a count of bytes, or an error. Expected failures are values here, not exceptions.</summary>
/// <param name="Count">Bytes moved; 0 from a receive is the end of the stream; negative when it failed.</param>
/// <param name="Error">The reason when <paramref name="Count"/> is negative.</param>
public readonly record struct IoResult(int Count, SocketErrno Error)
{
    /// <summary>Whether the call did its work.</summary>
    public bool Succeeded => Count >= 0;

    /// <summary>Whether the call has to be made again after the socket is ready.</summary>
    public bool WouldBlock => Error == SocketErrno.WouldBlock;

    internal static IoResult Failed(int errno) => new(-1, (SocketErrno)errno);
}
