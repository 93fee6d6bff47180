namespace Culvert.Interop.Sockets;

/// <summary>The datagrams of one socket that wait in a <see cref="DatagramSender"/>; one field of the socket's owner.</summary>
public struct DatagramQueue
{
    internal int First;
    internal int Last;

    /// <summary>How many wait.</summary>
    public int Count { get; internal set; }
}
