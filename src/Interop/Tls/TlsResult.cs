using Culvert.Interop.Sockets;

namespace Culvert.Interop.Tls;

/// <summary>The outcome of one TLS call: a count of bytes or a status. Expected failures are values, not exceptions.</summary>
/// <param name="Status">What came of it.</param>
/// <param name="Count">Bytes moved when <paramref name="Status"/> is Done, else 0.</param>
/// <param name="Error">The socket's error when <paramref name="Status"/> is SocketError.</param>
public readonly record struct TlsResult(TlsStatus Status, int Count = 0, SocketErrno Error = SocketErrno.None);
