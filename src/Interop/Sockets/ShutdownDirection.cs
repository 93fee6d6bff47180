namespace Culvert.Interop.Sockets;

/// <summary>Which direction of a connection to end (sys/socket.h SHUT_*).</summary>
public enum ShutdownDirection
{
    /// <summary>No more reading.</summary>
    Read = 0,

    /// <summary>No more writing: the peer sees the end of the stream (FIN).</summary>
    Write = 1,

    /// <summary>Neither.</summary>
    Both = 2,
}
