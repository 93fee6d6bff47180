using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Interop.Bpf;

namespace Culvert.Datapath.Tests.Support;

/// <summary>
/// Sockets in slots of a sockmap that go together. The slots are emptied by hand: a program that another test is starting may hold a copy of a socket until it runs, and a
/// slot is empty by itself only when the last copy is closed.
/// </summary>
internal sealed class SocketGroup(BpfMap slots) : IDisposable
{
    private readonly List<(byte[] Key, Socket Socket)> _sockets = [];

    internal void Add<TKey>(TKey slot, Socket socket)
        where TKey : unmanaged
    {
        byte[] key = MemoryMarshal.AsBytes(new ReadOnlySpan<TKey>(in slot)).ToArray();
        slots.SetDescriptor(key, socket.SafeHandle);
        _sockets.Add((key, socket));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((byte[] key, Socket socket) in _sockets)
        {
            slots.Delete(key);
            socket.Dispose();
        }
    }
}
