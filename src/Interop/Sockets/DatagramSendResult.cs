namespace Culvert.Interop.Sockets;

/// <summary>What became of the datagrams of one <see cref="DatagramSender.Send"/>.</summary>
/// <param name="Sent">Datagrams that the kernel took.</param>
/// <param name="SentBytes">Their bytes.</param>
/// <param name="Dropped">Datagrams that it did not take.</param>
/// <param name="Error">The last error, also one that an earlier datagram had caused (ConnectionRefused); None without.</param>
public readonly record struct DatagramSendResult(int Sent, long SentBytes, int Dropped, SocketErrno Error);
